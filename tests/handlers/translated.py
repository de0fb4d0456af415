"""What CloudFormation gets of template.yaml once the SAM transform has run."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from tests.handlers.sam import ROOT, ask

TRANSLATE = """
import json, sys
from samcli.lib.translate.sam_template_validator import SamTemplateValidator
from samcli.yamlhelper import yaml_parse
template = yaml_parse(open(sys.argv[1]).read())
made = SamTemplateValidator(template, None, region="eu-central-1").get_translated_template_if_valid()
print(json.dumps(yaml_parse(made)))
"""
Resources = dict[str, dict[str, Any]]


@cache
def translated() -> dict[str, Any]:
    return dict(json.loads(ask(TRANSLATE, str(ROOT / "template.yaml"))))


def of(resources: Resources, kind: str) -> dict[str, dict[str, Any]]:
    return {name: each["Properties"] for name, each in resources.items() if each["Type"] == kind}


def statements(resources: Resources, role: str) -> list[dict[str, Any]]:
    policies = resources[role]["Properties"]["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


if __name__ == "__main__":
    print(json.dumps(translated()))

"""template.yaml after the SAM transform."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from tests.handlers.sam import ROOT, run_in_sam_venv

TRANSLATE = """
import json, sys
from samcli.lib.translate.sam_template_validator import SamTemplateValidator
from samcli.yamlhelper import yaml_parse
template = yaml_parse(open(sys.argv[1]).read())
result = SamTemplateValidator(template, None, region="eu-central-1").get_translated_template_if_valid()
print(json.dumps(yaml_parse(result)))
"""
Resources = dict[str, dict[str, Any]]


@cache
def translate_template() -> dict[str, Any]:
    """Return the template that CloudFormation gets after the SAM transform."""
    return dict(json.loads(run_in_sam_venv(TRANSLATE, str(ROOT / "template.yaml"))))


def resources_of_type(resources: Resources, kind: str) -> dict[str, dict[str, Any]]:
    """Return the properties of all resources of a type, by name."""
    return {name: each["Properties"] for name, each in resources.items() if each["Type"] == kind}


def statements(resources: Resources, role: str) -> list[dict[str, Any]]:
    """Return the policy statements of a role."""
    policies = resources[role]["Properties"]["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


if __name__ == "__main__":
    print(json.dumps(translate_template()))

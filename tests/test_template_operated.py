"""The operator's view of the stack: parameters, alarms, dashboard, outputs, domain and gradual deployment."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.handlers.sam import ROOT, run_in_sam_venv
from tests.handlers.sam_template import Resources, resources_of_type, translate_template
from vaultcore import __version__
from vaultcore.telemetry.emf import BY_PROVIDER, PROVIDER, UNITS

OURS = {"Fn::Sub": "VaultEdge/${AWS::StackName}"}
WATCHED = {  # AWS metrics that alarms use
    ("AWS/ApiGateway", "5XXError"),
    ("AWS/Lambda", "Errors"),
    ("AWS/Lambda", "Throttles"),
    ("AWS/DynamoDB", "ReadThrottleEvents"),
    ("AWS/DynamoDB", "WriteThrottleEvents"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
}
GRADUAL = """
import json, sys
from samcli.lib.translate.sam_template_validator import SamTemplateValidator
from samcli.yamlhelper import yaml_parse
template = yaml_parse(open(sys.argv[1]).read())
template["Parameters"]["GradualDeploy"]["Default"] = "true"
result = SamTemplateValidator(template, None, region="eu-central-1").get_translated_template_if_valid()
print(json.dumps(yaml_parse(result)["Resources"]))
"""


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return translate_template()


@pytest.fixture(scope="module")
def resources(template: dict[str, Any]) -> Resources:
    return dict(template["Resources"])


def test_every_parameter_has_a_description_and_a_default(template: dict[str, Any]) -> None:
    """Pressing Enter at each question works; each parameter is in one group and has a description."""
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]

    assert sorted(grouped) == sorted(template["Parameters"])
    for name, parameter in template["Parameters"].items():
        assert {"Default", "Description"} <= parameter.keys(), name
        if pattern := parameter.get("AllowedPattern"):
            assert re.fullmatch(pattern, str(parameter["Default"])), name


@pytest.mark.parametrize(
    ("value", "is_valid"),
    [
        ("arn:aws:iam::123456789012:role/ops", True),
        ("arn:aws:iam::123456789012:role/ops,arn:aws:iam::123456789012:user/me*", True),
        ("*", False),
        ("arn:aws:iam::123456789012:role/ops,", False),
        ("ops", False),
    ],
)
def test_administrators_are_named_by_arn(value: str, is_valid: bool, template: dict[str, Any]) -> None:
    """SecretAdmins accepts only ARNs: an empty name or a lone star would match everyone or no one."""
    pattern = template["Parameters"]["SecretAdmins"]["AllowedPattern"]

    assert bool(re.fullmatch(pattern, value)) is is_valid


def test_alarms_use_existing_metrics(resources: Resources) -> None:
    """Alarms use metrics that the code or AWS writes; missing data raises none; they notify the topic."""
    alarms = resources_of_type(resources, "AWS::CloudWatch::Alarm")
    ours = {each["MetricName"] for each in alarms.values() if each["Namespace"] == OURS}
    theirs = {
        (each["Namespace"], each["MetricName"]) for each in alarms.values() if each["Namespace"] != OURS
    }

    assert ours == {
        "AllProvidersFailed",
        "Overhead",
        "StoreErrors",
        "CreditsLow",
        "ImplausibleUsage",
        "SettlementsOwed",
    }
    assert ours < UNITS.keys()
    assert theirs == WATCHED
    for each in alarms.values():
        assert ("Dimensions" in each) is (each["Namespace"] != OURS)
        assert each["TreatMissingData"] == "notBreaching"
        assert each["AlarmActions"] == {"Fn::If": ["Alert", [{"Ref": "AlertTopic"}], {"Ref": "AWS::NoValue"}]}
    assert UNITS["Overhead"] == "Milliseconds"
    assert (alarms["OverheadHigh"]["ExtendedStatistic"], alarms["OverheadHigh"]["Threshold"]) == ("p99", 500)


def test_functions_write_to_the_alarms_namespace(resources: Resources) -> None:
    """The namespace is the stack's own, which keeps two stacks of an account apart."""
    for function in resources_of_type(resources, "AWS::Lambda::Function").values():
        assert function["Environment"]["Variables"]["VAULTEDGE_METRICS_NAMESPACE"] == OURS


def test_the_dashboard_shows_every_metric(resources: Resources) -> None:
    """The dashboard is valid JSON and shows all our metrics and alarms, also by provider."""
    (dashboard,) = resources_of_type(resources, "AWS::CloudWatch::Dashboard").values()
    body = dashboard["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(body)["widgets"]
    metrics = [line for widget in widgets for line in widget["properties"].get("metrics", ())]
    ours = {line[1] for line in metrics if line[0] == OURS["Fn::Sub"]}
    searched = [line[0]["expression"] for line in metrics if isinstance(line[0], dict)]
    (alarms,) = [widget["properties"]["alarms"] for widget in widgets if widget["type"] == "alarm"]

    assert ours | {"CreditsLow"} == UNITS.keys()
    for expression in searched:
        match = re.match(r"""SEARCH\('\{"(.+)",(\w+)\} MetricName="(\w+)"', '\w+', 300\)$""", expression)
        assert match is not None
        assert (match[1], match[2]) == (OURS["Fn::Sub"], PROVIDER)
        assert match[3] in BY_PROVIDER
    assert alarms == [f"${{{name}.Arn}}" for name in resources_of_type(resources, "AWS::CloudWatch::Alarm")]
    places = {
        (x, y)
        for w in widgets
        for x in range(w["x"], w["x"] + w["width"])
        for y in range(w["y"], w["y"] + w["height"])
    }
    assert len(places) == sum(w["width"] * w["height"] for w in widgets)


def test_gradual_deployment() -> None:
    """With GradualDeploy both functions shift 10% first, and roll back on their alarm."""
    gradual = json.loads(run_in_sam_venv(GRADUAL, str(ROOT / "template.yaml")))
    groups = resources_of_type(gradual, "AWS::CodeDeploy::DeploymentGroup")
    plain = resources_of_type(translate_template()["Resources"], "AWS::CodeDeploy::DeploymentGroup")

    assert plain == {}
    assert groups.keys() == {"StreamFunctionDeploymentGroup", "AdminFunctionDeploymentGroup"}
    for name, group in groups.items():
        plane = name.removesuffix("FunctionDeploymentGroup")
        (alarm,) = group["AlarmConfiguration"]["Alarms"]
        assert alarm["Name"] == {"Ref": f"{plane}Failing"}
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
        assert "Canary10Percent5Minutes" in json.dumps(group["DeploymentConfigName"])
        watched = gradual[f"{plane}Failing"]["Properties"]["Dimensions"]
        assert {"Name": "Resource", "Value": {"Fn::Sub": f"${{{plane}Function}}:live"}} in watched


def test_a_domain_is_regional_and_needs_its_certificate(
    template: dict[str, Any], resources: Resources
) -> None:
    """A custom domain needs a certificate, uses TLS 1.2 or newer, and is regional."""
    name, mapping = (resources[each] for each in ("OwnName", "OwnNameMapping"))
    (rule,) = template["Rules"].values()

    assert name["Condition"] == mapping["Condition"] == "OwnDomain"
    assert name["Properties"]["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert name["Properties"]["SecurityPolicy"] == "TLS_1_2"
    assert mapping["Properties"]["RestApiId"] == {"Ref": "Api"}
    assert "CertificateArn" in json.dumps(rule["Assertions"])


def test_settings_are_parameters(resources: Resources) -> None:
    """Concurrency is reserved only for the data plane; X-Ray is a parameter."""
    functions = resources_of_type(resources, "AWS::Lambda::Function")

    assert {name for name, each in functions.items() if "ReservedConcurrentExecutions" in each} == {
        "StreamFunction"
    }
    assert functions["StreamFunction"]["ReservedConcurrentExecutions"]["Fn::If"][0] == "Reserve"
    for each in functions.values():
        assert each["TracingConfig"] == {"Mode": {"Fn::If": ["Trace", "Active", "PassThrough"]}}


def test_outputs_contain_no_secret(template: dict[str, Any]) -> None:
    """Outputs are the URLs, names and ids that `vaultedge deploy-info` reads; for secrets only their ids."""
    outputs = template["Outputs"]
    conditional = {name: each["Condition"] for name, each in outputs.items() if "Condition" in each}

    assert outputs.keys() - conditional.keys() == {
        *("BaseUrl", "ConsoleUrl", "DashboardUrl", "Version", "KeyArn", "TableName"),
        *(f"{name}SecretId" for name in ("Vault", "VaultPassword", "SystemKey", "AdminKey", "Pepper")),
        *(
            f"{plane}{what}"
            for plane in ("Stream", "Admin", "Upkeep")
            for what in ("FunctionName", "LogGroup")
        ),
        "AccessLogGroup",
    }
    assert conditional == {"DomainTarget": "OwnDomain", "AlertTopicArn": "Alert"}
    own, usual = outputs["BaseUrl"]["Value"]["Fn::If"][1:]
    assert own["Fn::Sub"][0] == "https://${DomainName}${Path}/v1"
    assert usual["Fn::Sub"].endswith("/${StageName}/v1")
    assert outputs["Version"]["Value"] == template["Metadata"]["VaultEdge"]["Version"] == __version__


def test_the_documentation_names_parameters_and_alarms(
    template: dict[str, Any], resources: Resources
) -> None:
    """docs/deployment.md names every parameter and every alarm."""
    page = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    named = {*template["Parameters"], *resources_of_type(resources, "AWS::CloudWatch::Alarm")}

    assert {name for name in named if f"`{name}`" not in page} == set()

"""The template's routes, functions and secrets, once SAM has translated it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.handlers.sam import ROOT, sam_python
from tests.handlers.translated import Resources, of, translated

CONSOLE = {"/", "/console", "/console/{proxy+}"}  # what is compressed passes only where answers stream
DATA_PLANE = {"/health", "/v1/{proxy+}", *CONSOLE}
ADMIN_PLANE = {"/admin", "/admin/{proxy+}"}
ENVIRONMENT = {  # nothing but ids, and what is no secret
    "VAULTEDGE_AWS_ROLE": {"Ref": "BedrockAccess"},
    "AWS_LAMBDA_EXEC_WRAPPER": "/var/task/handlers/run_stream",
    "VAULTEDGE_VAULT_SECRET": {"Ref": "VaultSecret"},
    "VAULTEDGE_PASSWORD_SECRET": {"Ref": "VaultPasswordSecret"},
    "VAULTEDGE_SYSTEM_KEY_SECRET": {"Ref": "SystemKeySecret"},
    "VAULTEDGE_ADMIN_KEY_SECRET": {"Ref": "AdminKeySecret"},
    "VAULTEDGE_LOG_LEVEL": {"Ref": "LogLevel"},
    "VAULTEDGE_STORE": {"Fn::Sub": "dynamodb:${Table}"},
    "VAULTEDGE_PEPPER_SECRET": {"Ref": "PepperSecret"},
    "VAULTEDGE_METRICS_NAMESPACE": {"Fn::Sub": "VaultEdge/${AWS::StackName}"},
    "VAULTEDGE_KEEP_CONTENT": {"Ref": "KeepContentHours"},
    "OTEL_EXPORTER_OTLP_ENDPOINT": {"Ref": "OtlpEndpoint"},
    "OTEL_SERVICE_NAME": {"Ref": "AWS::StackName"},
    "VAULTEDGE_ALERT_TOPIC": {"Fn::If": ["Alert", {"Ref": "AlertTopic"}, ""]},
}
SECRETS = {
    "Stream": ["VaultSecret", "VaultPasswordSecret", "SystemKeySecret", "PepperSecret"],
    "Admin": ["VaultSecret", "VaultPasswordSecret", "AdminKeySecret", "PepperSecret"],
    "Upkeep": ["PepperSecret"],
}


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    """What CloudFormation gets once the SAM transform has run."""
    return translated()


@pytest.fixture(scope="module")
def resources(template: dict[str, Any]) -> Resources:
    return dict(template["Resources"])


def integrations(resources: Resources) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in resources["Api"]["Properties"]["Body"]["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation["x-amazon-apigateway-integration"]


def test_the_template_is_valid(tmp_path: Path) -> None:
    """`sam validate --lint` has nothing to say."""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "SAM_CLI_TELEMETRY": "0",
    }
    command = [str(sam_python()), "-m", "samcli", "validate", "--lint"]
    done = subprocess.run(
        command, check=False, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "[W" not in done.stdout + done.stderr


def test_what_sam_makes_of_it_is_valid(template: dict[str, Any], tmp_path: Path) -> None:
    """cfn-lint has nothing to say to the translated template but what the template explains."""
    made = tmp_path / "template.json"
    made.write_text(json.dumps(template), "utf-8")
    command = [str(sam_python().parent / "cfn-lint"), "--regions", "eu-central-1", "--", str(made)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)

    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_every_data_route_streams(resources: Resources) -> None:
    """The data plane's integrations, and the console's, are streaming ones, for the longest time there is."""
    data = [(path, method, each) for path, method, each in integrations(resources) if path in DATA_PLANE]

    assert {path for path, *_ in data} == DATA_PLANE
    for path, method, integration in data:
        uri = json.dumps(integration["uri"])
        assert integration["responseTransferMode"] == "STREAM", (path, method)
        assert integration["timeoutInMillis"] == 900_000
        assert "2021-11-15" in uri
        assert "StreamFunction" in uri
        assert uri.rstrip('"}').endswith("/response-streaming-invocations")


def test_no_admin_route_streams(resources: Resources) -> None:
    """The admin plane is answered in one piece, by a function of its own."""
    admin = [(path, each) for path, _, each in integrations(resources) if path not in DATA_PLANE]

    assert {path for path, _ in admin} == ADMIN_PLANE
    for _, integration in admin:
        uri = json.dumps(integration["uri"])
        assert integration.get("responseTransferMode", "BUFFERED") == "BUFFERED"
        assert "AdminFunction" in uri
        assert "2015-03-31" in uri


def test_methods_are_named(resources: Resources) -> None:
    """Every method of the data plane reaches the application, so that it refuses in its own envelope."""
    methods = {method for path, method, _ in integrations(resources) if path == "/v1/{proxy+}"}

    assert methods == {"get", "head", "post", "put", "patch", "delete", "options"}


def test_there_are_no_other_roles(resources: Resources) -> None:
    """Besides the three functions' roles there is API Gateway's for its access log, with AWS's own policy."""
    roles = of(resources, "AWS::IAM::Role")

    assert roles.keys() == {"StreamRole", "AdminRole", "UpkeepRole", "ApiLogRole"}
    assert "Policies" not in roles["ApiLogRole"]
    (policy,) = roles["ApiLogRole"]["ManagedPolicyArns"]
    assert policy["Fn::Sub"].endswith("service-role/AmazonAPIGatewayPushToCloudWatchLogs")
    trusted = {
        statement["Principal"]["Service"]
        for role in roles.values()
        for statement in role["AssumeRolePolicyDocument"]["Statement"]
    }
    assert trusted == {"lambda.amazonaws.com", "apigateway.amazonaws.com"}


def test_functions_have_the_role_meant_for_them(resources: Resources) -> None:
    """The data plane cannot read the admin key, the admin plane the system key, nor upkeep either."""
    functions = of(resources, "AWS::Lambda::Function")

    assert {name: function["Role"]["Fn::GetAtt"][0] for name, function in functions.items()} == {
        "StreamFunction": "StreamRole",
        "AdminFunction": "AdminRole",
        "UpkeepFunction": "UpkeepRole",
    }
    for plane, secrets in SECRETS.items():
        told = functions[f"{plane}Function"]["Environment"]["Variables"]
        assert {value["Ref"] for name, value in told.items() if name.endswith("_SECRET")} == set(secrets)


def test_no_secret_is_in_an_environment(template: dict[str, Any], resources: Resources) -> None:
    """Environments hold ids and settings, word for word those above; no parameter is a secret."""
    for function in of(resources, "AWS::Lambda::Function").values():
        for name, value in function["Environment"]["Variables"].items():
            assert value == ENVIRONMENT[name]
    assert not [name for name, parameter in template["Parameters"].items() if parameter.get("NoEcho")]
    assert "resolve:secretsmanager" not in json.dumps(template)


def test_only_the_api_and_the_schedule_may_invoke(resources: Resources) -> None:
    """No function has a URL, and every permission names this API, or upkeep's schedule, as its source."""
    permissions = of(resources, "AWS::Lambda::Permission").values()
    invoked = [each for each in permissions if "UpkeepFunction" in json.dumps(each["FunctionName"])]
    (schedule,) = of(resources, "AWS::Events::Rule")

    assert not of(resources, "AWS::Lambda::Url")
    assert [(each["Principal"], each["SourceArn"]) for each in invoked] == [
        ("events.amazonaws.com", {"Fn::GetAtt": [schedule, "Arn"]})
    ]
    for permission in permissions:
        if permission not in invoked:
            assert permission["Principal"] == "apigateway.amazonaws.com"
            assert "${__ApiId__}" in json.dumps(permission["SourceArn"])


def test_logs_end_and_hold_no_bodies(resources: Resources) -> None:
    """Log groups have a retention; API Gateway traces no data and logs no header, body or query."""
    groups = of(resources, "AWS::Logs::LogGroup")
    (stage,) = of(resources, "AWS::ApiGateway::Stage").values()
    logged = re.findall(r"\$context\.[\w.]+", stage["AccessLogSetting"]["Format"])

    assert groups.keys() == {"StreamLogs", "AdminLogs", "UpkeepLogs", "ApiLogs"}
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())
    for function in of(resources, "AWS::Lambda::Function").values():
        assert function["LoggingConfig"]["LogGroup"]["Ref"] in groups
    assert [each["DataTraceEnabled"] for each in stage["MethodSettings"]] == [False]
    assert [each["LoggingLevel"] for each in stage["MethodSettings"]] == ["OFF"]
    assert json.loads(stage["AccessLogSetting"]["Format"]).keys() >= {"requestId", "status", "mode"}
    assert not [name for name in logged if re.search("authorizer|header|body|query|apiKey|userArn", name)]


def test_secrets_outlive_the_stack(resources: Resources) -> None:
    """Deleting the stack, or replacing a secret in it, deletes nobody's keys."""
    secrets = {
        name: each for name, each in resources.items() if each["Type"] == "AWS::SecretsManager::Secret"
    }

    assert secrets.keys() == {name for names in SECRETS.values() for name in names}
    for secret in secrets.values():
        assert (secret["DeletionPolicy"], secret["UpdateReplacePolicy"]) == ("Retain", "Retain")
    for name in ("VaultSecret", "VaultPasswordSecret"):
        assert secrets[name]["Properties"]["SecretString"] == "empty"


@pytest.mark.parametrize(("name", "prefix"), [("SystemKeySecret", "ve-"), ("AdminKeySecret", "va-")])
def test_generated_keys_have_their_form(name: str, prefix: str, resources: Resources) -> None:
    """What Secrets Manager can draw for a key is 48 of the hexadecimal digits, behind the plane's prefix."""
    recipe = resources[name]["Properties"]["GenerateSecretString"]
    drawn = set("0123456789abcdefghijklmnopqrstuvwxyz") - set(recipe["ExcludeCharacters"])

    assert drawn == set("0123456789abcdef")
    assert recipe["ExcludeUppercase"] is recipe["ExcludePunctuation"] is True
    assert recipe["PasswordLength"] == 48
    assert json.loads(recipe["SecretStringTemplate"]) == {"prefix": prefix}
    assert recipe["GenerateStringKey"] == "key"


def test_snapshots_are_of_published_versions(resources: Resources) -> None:
    """SnapStart, where the operator has it, works on versions only: routes go to an alias of one."""
    for name, function in of(resources, "AWS::Lambda::Function").items():
        assert function["SnapStart"] == {"ApplyOn": {"Fn::If": ["Snapshots", "PublishedVersions", "None"]}}
        assert f"{name}Aliaslive" in resources
    assert all("Aliaslive" in json.dumps(each["uri"]) for *_, each in integrations(resources))


def test_api_gateway_refuses_in_the_contracts_envelope(resources: Resources) -> None:
    """What never reaches the application is refused as the application would."""
    responses = resources["Api"]["Properties"]["Body"]["x-amazon-apigateway-gateway-responses"]
    codes = {
        name: (
            each.get("statusCode"),
            json.loads(each["responseTemplates"]["application/json"])["error"]["code"],
        )
        for name, each in responses.items()
    }

    assert codes == {
        "MISSING_AUTHENTICATION_TOKEN": ("404", "not_found"),
        "THROTTLED": ("429", "rate_limit_exceeded"),
        "REQUEST_TOO_LARGE": ("413", "request_too_large"),
        "INTEGRATION_TIMEOUT": ("504", "deadline_exceeded"),
        "DEFAULT_5XX": (None, "internal_error"),
    }


def test_streams_are_regional(resources: Resources) -> None:
    """An edge-optimised API would cut streams that are silent for 30 seconds."""
    assert resources["Api"]["Properties"]["EndpointConfiguration"]["Types"] == ["REGIONAL"]

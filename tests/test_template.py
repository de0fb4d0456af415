"""The template's routes, functions and secrets after the SAM transform."""

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
from tests.handlers.sam_template import Resources, resources_of_type, translate_template

CONSOLE = {"/", "/console", "/console/{proxy+}"}  # compressed files need streaming
DATA_PLANE = {"/health", "/api/hello", "/v1/{proxy+}", "/v1beta/{proxy+}", *CONSOLE}
ADMIN_PLANE = {"/admin", "/admin/{proxy+}"}
ENVIRONMENT = {  # only ids and settings that are not secret
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
    "VAULTEDGE_OWED_QUEUE": {"Ref": "OwedQueue"},
    "VAULTEDGE_ALERT_TOPIC": {"Fn::If": ["Alert", {"Ref": "AlertTopic"}, ""]},
}
SECRETS = {
    "Stream": ["VaultSecret", "VaultPasswordSecret", "SystemKeySecret", "PepperSecret"],
    "Admin": ["VaultSecret", "VaultPasswordSecret", "AdminKeySecret", "PepperSecret"],
    "Upkeep": ["PepperSecret"],
}


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    """The template that CloudFormation gets after the SAM transform."""
    return translate_template()


@pytest.fixture(scope="module")
def resources(template: dict[str, Any]) -> Resources:
    return dict(template["Resources"])


def integrations(resources: Resources) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in resources["Api"]["Properties"]["Body"]["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation["x-amazon-apigateway-integration"]


@pytest.mark.slow
def test_the_template_is_valid(tmp_path: Path) -> None:
    """`sam validate --lint` reports nothing."""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "SAM_CLI_TELEMETRY": "0",
    }
    command = [str(sam_python()), "-m", "samcli", "validate", "--lint"]
    completed = subprocess.run(
        command, check=False, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120
    )

    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert "[W" not in completed.stdout + completed.stderr


@pytest.mark.slow
def test_the_translated_template_is_valid(template: dict[str, Any], tmp_path: Path) -> None:
    """cfn-lint reports nothing for the translated template beyond the template's explained exceptions."""
    file = tmp_path / "template.json"
    file.write_text(json.dumps(template), "utf-8")
    command = [str(sam_python().parent / "cfn-lint"), "--regions", "eu-central-1", "--", str(file)]
    completed = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)

    assert (completed.returncode, completed.stdout) == (0, ""), completed.stdout + completed.stderr


def test_every_data_route_streams(resources: Resources) -> None:
    """The integrations of the data plane and the console stream, with the longest timeout."""
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
    """The admin API is buffered, with its own function."""
    admin = [(path, each) for path, _, each in integrations(resources) if path not in DATA_PLANE]

    assert {path for path, _ in admin} == ADMIN_PLANE
    for _, integration in admin:
        uri = json.dumps(integration["uri"])
        assert integration.get("responseTransferMode", "BUFFERED") == "BUFFERED"
        assert "AdminFunction" in uri
        assert "2015-03-31" in uri


@pytest.mark.parametrize("path", ["/v1/{proxy+}", "/v1beta/{proxy+}"])
def test_all_methods_reach_the_application(path: str, resources: Resources) -> None:
    """Every method of the data plane reaches the application, so errors have the API's envelope."""
    methods = {method for route, method, _ in integrations(resources) if route == path}

    assert methods == {"get", "head", "post", "put", "patch", "delete", "options"}


def test_there_are_no_other_roles(resources: Resources) -> None:
    """Besides the three functions' roles there is only API Gateway's logging role, with AWS's own policy."""
    roles = resources_of_type(resources, "AWS::IAM::Role")

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


def test_each_function_has_its_own_role(resources: Resources) -> None:
    """The data plane cannot read the admin key, nor the admin function the system key."""
    functions = resources_of_type(resources, "AWS::Lambda::Function")

    assert {name: function["Role"]["Fn::GetAtt"][0] for name, function in functions.items()} == {
        "StreamFunction": "StreamRole",
        "AdminFunction": "AdminRole",
        "UpkeepFunction": "UpkeepRole",
    }
    for plane, secrets in SECRETS.items():
        variables = functions[f"{plane}Function"]["Environment"]["Variables"]
        assert {value["Ref"] for name, value in variables.items() if name.endswith("_SECRET")} == set(secrets)


def test_no_secret_is_in_an_environment(template: dict[str, Any], resources: Resources) -> None:
    """Environments contain exactly the ids and settings above; no parameter is a secret."""
    for function in resources_of_type(resources, "AWS::Lambda::Function").values():
        for name, value in function["Environment"]["Variables"].items():
            assert value == ENVIRONMENT[name]
    assert not [name for name, parameter in template["Parameters"].items() if parameter.get("NoEcho")]
    assert "resolve:secretsmanager" not in json.dumps(template)


def test_only_the_api_and_the_schedule_may_invoke(resources: Resources) -> None:
    """No function has a URL; every permission names this API or the maintenance schedule as its source."""
    permissions = resources_of_type(resources, "AWS::Lambda::Permission").values()
    invoked = [each for each in permissions if "UpkeepFunction" in json.dumps(each["FunctionName"])]
    (schedule,) = resources_of_type(resources, "AWS::Events::Rule")

    assert not resources_of_type(resources, "AWS::Lambda::Url")
    assert [(each["Principal"], each["SourceArn"]) for each in invoked] == [
        ("events.amazonaws.com", {"Fn::GetAtt": [schedule, "Arn"]})
    ]
    for permission in permissions:
        if permission not in invoked:
            assert permission["Principal"] == "apigateway.amazonaws.com"
            assert "${__ApiId__}" in json.dumps(permission["SourceArn"])


def test_logs_expire_and_contain_no_bodies(resources: Resources) -> None:
    """Log groups have a retention; API Gateway logs no headers, bodies or queries and traces no data."""
    groups = resources_of_type(resources, "AWS::Logs::LogGroup")
    (stage,) = resources_of_type(resources, "AWS::ApiGateway::Stage").values()
    logged = re.findall(r"\$context\.[\w.]+", stage["AccessLogSetting"]["Format"])

    assert groups.keys() == {"StreamLogs", "AdminLogs", "UpkeepLogs", "ApiLogs"}
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())
    for function in resources_of_type(resources, "AWS::Lambda::Function").values():
        assert function["LoggingConfig"]["LogGroup"]["Ref"] in groups
    assert [each["DataTraceEnabled"] for each in stage["MethodSettings"]] == [False]
    assert [each["LoggingLevel"] for each in stage["MethodSettings"]] == ["OFF"]
    assert json.loads(stage["AccessLogSetting"]["Format"]).keys() >= {"requestId", "status", "mode"}
    assert not [name for name in logged if re.search("authorizer|header|body|query|apiKey|userArn", name)]


def test_secrets_outlive_the_stack(resources: Resources) -> None:
    """Deleting the stack or replacing a secret deletes no secret."""
    secrets = {
        name: each for name, each in resources.items() if each["Type"] == "AWS::SecretsManager::Secret"
    }

    assert secrets.keys() == {name for names in SECRETS.values() for name in names}
    for secret in secrets.values():
        assert (secret["DeletionPolicy"], secret["UpdateReplacePolicy"]) == ("Retain", "Retain")
    for name in ("VaultSecret", "VaultPasswordSecret"):
        assert secrets[name]["Properties"]["SecretString"] == "empty"


@pytest.mark.parametrize(("name", "prefix"), [("SystemKeySecret", "ve-"), ("AdminKeySecret", "va-")])
def test_generated_keys_have_the_right_format(name: str, prefix: str, resources: Resources) -> None:
    """Secrets Manager generates 48 hexadecimal digits after the prefix."""
    generator = resources[name]["Properties"]["GenerateSecretString"]
    alphabet = set("0123456789abcdefghijklmnopqrstuvwxyz") - set(generator["ExcludeCharacters"])

    assert alphabet == set("0123456789abcdef")
    assert generator["ExcludeUppercase"] is generator["ExcludePunctuation"] is True
    assert generator["PasswordLength"] == 48
    assert json.loads(generator["SecretStringTemplate"]) == {"prefix": prefix}
    assert generator["GenerateStringKey"] == "key"


def test_snapstart_uses_published_versions(resources: Resources) -> None:
    """SnapStart applies to published versions, and routes use an alias of one."""
    for name, function in resources_of_type(resources, "AWS::Lambda::Function").items():
        assert function["SnapStart"] == {"ApplyOn": {"Fn::If": ["Snapshots", "PublishedVersions", "None"]}}
        assert f"{name}Aliaslive" in resources
    assert all("Aliaslive" in json.dumps(each["uri"]) for *_, each in integrations(resources))


def test_api_gateway_errors_have_the_api_envelope(resources: Resources) -> None:
    """Errors of API Gateway itself have the API's error envelope."""
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


def test_the_endpoint_is_regional(resources: Resources) -> None:
    """An edge-optimized API would cut streams that are silent for 30 seconds."""
    assert resources["Api"]["Properties"]["EndpointConfiguration"]["Types"] == ["REGIONAL"]

"""What is never to change in the templates."""

import re
import subprocess
import sys
import tomllib

import pytest
from templates import CONFIG, NAMES, TEMPLATES, everything, filled, listed, properties, resources, statements

# Properties that name a thing for the whole account, so that a second Causeway could not be made beside the first one. A name that
# CloudFormation demands is made of the stack's.
PHYSICAL_NAMES = re.compile(r"^(\w*Name|DBInstanceIdentifier|DBSubnetGroupName|Alias\w*)$")
NAMES_OF_OTHER_THINGS = {
    ("AWS::ApiGatewayV2::Api", "Name"),
    ("AWS::ApiGatewayV2::Stage", "StageName"),
    ("AWS::EC2::VPCEndpoint", "ServiceName"),
    ("AWS::CloudWatch::Alarm", "MetricName"),
    ("AWS::Lambda::EventInvokeConfig", "FunctionName"),
    ("AWS::Lambda::Permission", "FunctionName"),
    ("AWS::RDS::DBInstance", "DBName"),
    ("AWS::RDS::DBInstance", "DBParameterGroupName"),
    ("AWS::RDS::DBInstance", "DBSubnetGroupName"),
    ("AWS::RolesAnywhere::Profile", "Name"),
}
VALUES = {"Bucket": "b", "Prefix": "p/", "AWS::Partition": "aws", "Site": "hcm-01"}


def test_cfn_lint_finds_nothing():
    lint = [sys.executable, "-c", "from cfnlint.runner import main; main()"]
    files = [CONFIG / f"{name}.yaml" for name in NAMES]
    found = subprocess.run([*lint, *files], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


@pytest.mark.parametrize("name", NAMES)
def test_a_template_fits_into_one_call(name):
    assert (CONFIG / f"{name}.yaml").stat().st_size < 51_200


def test_nothing_has_a_physical_name():
    named = [
        (place, key)
        for place, resource in everything().items()
        for key in resource["Properties"]
        if PHYSICAL_NAMES.match(key) and (resource["Type"], key) not in NAMES_OF_OTHER_THINGS
    ]
    assert named == []
    assert properties("app", "Api")["Name"] == {"Ref": "AWS::StackName"}


def test_the_archive_is_off_until_somebody_says_otherwise():
    state = TEMPLATES["app"]["Parameters"]["ArchiveState"]
    assert (state["Default"], state["AllowedValues"]) == ("DISABLED", ["ENABLED", "DISABLED"])
    rule = properties("app", "ArchiveRule")
    assert (rule["State"], rule["ScheduleExpression"]) == ({"Ref": "ArchiveState"}, "rate(5 minutes)")
    assert rule["Targets"][0]["Input"] == '{"command": "archive"}'


def test_the_hub_ticks_every_minute():
    rule = properties("app", "TickRule")
    assert (rule["State"], rule["ScheduleExpression"]) == ("ENABLED", "rate(1 minute)")
    assert rule["Targets"][0]["Input"] == '{"command": "tick"}'


def test_somebody_has_to_say_how_many_requests_run_at_once():
    assert "Default" not in TEMPLATES["app"]["Parameters"]["ReservedConcurrency"]
    assert "ReservedConcurrency" in str(properties("app", "Hub")["ReservedConcurrentExecutions"])


def test_the_bucket_is_private_versioned_encrypted_and_stays():
    bucket = resources("data")["Bucket"]
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")
    its = bucket["Properties"]
    assert set(its["PublicAccessBlockConfiguration"].values()) == {True}
    assert its["VersioningConfiguration"] == {"Status": "Enabled"}
    assert its["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert "SSEAlgorithm" in str(its["BucketEncryption"])
    expiring = [rule for rule in its["LifecycleConfiguration"]["Rules"] if "ExpirationInDays" in rule]
    assert expiring == [], "what is current never expires"


@pytest.mark.parametrize(("template", "policy"), [("data", "BucketPolicy"), ("app", "DeadLettersPolicy")])
def test_only_tls_is_spoken(template, policy):
    denied = [it for it in properties(template, policy)["PolicyDocument"]["Statement"] if it["Effect"] == "Deny"]
    assert [it["Condition"] for it in denied] == [{"Bool": {"aws:SecureTransport": "false"}}]
    assert [it["Principal"] for it in denied] == ["*"]
    assert properties("database", "Settings")["Parameters"]["rds.force_ssl"] == "1"
    hub = properties("app", "Hub")["Environment"]["Variables"]
    assert "sslmode=verify-full" in str(hub["CAUSEWAY_DATABASE__URL"])


def test_the_database_is_private_small_encrypted_and_leaves_a_snapshot():
    database = resources("database")["Database"]
    assert (database["DeletionPolicy"], database["UpdateReplacePolicy"]) == ("Snapshot", "Snapshot")
    its = database["Properties"]
    expected = {
        "StorageEncrypted": True,
        "PubliclyAccessible": False,
        "MultiAZ": False,
        "ManageMasterUserPassword": True,
        "EnableIAMDatabaseAuthentication": True,
        "StorageType": "gp3",
        "AllocatedStorage": "20",
    }
    assert {key: its[key] for key in expected} == expected
    assert "MasterUserPassword" not in its
    assert TEMPLATES["database"]["Parameters"]["Instance"]["Default"] == "db.t4g.micro"


def test_the_network_leads_to_s3_alone():
    kinds = {resource["Type"] for resource in everything().values()}
    for costly in ("NatGateway", "InternetGateway", "Route", "EIP", "TransitGateway"):
        assert f"AWS::EC2::{costly}" not in kinds
    endpoints = everything("AWS::EC2::VPCEndpoint")
    assert [it["Properties"]["VpcEndpointType"] for it in endpoints.values()] == ["Gateway"]
    reached = filled(properties("network", "S3")["PolicyDocument"]["Statement"], VALUES)
    assert reached[0]["Resource"] == ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]
    assert [it["Sid"] for it in reached] == ["TheBucket", "CloudFormation"]
    assert len(resources("network", "AWS::EC2::Subnet")) == 2


def test_two_ports_are_open_from_group_to_group():
    ingress = properties("network", "DatabaseGroup")["SecurityGroupIngress"]
    assert [(it["FromPort"], it["SourceSecurityGroupId"]) for it in ingress] == [(5432, {"Ref": "FunctionGroup"})]
    function = properties("network", "FunctionGroup")
    assert "SecurityGroupIngress" not in function
    ports = {it["FromPort"] for it in function["SecurityGroupEgress"]} | {properties("network", "FunctionToDatabase")["FromPort"]}
    assert ports == {443, 5432}
    assert properties("network", "DatabaseGroup")["SecurityGroupEgress"][0]["CidrIp"] == "127.0.0.1/32"


def test_functions_log_where_it_is_forgotten_and_keep_what_nobody_took():
    queue = {"Fn::GetAtt": ["DeadLetters", "Arn"]}
    functions = resources("app", "AWS::Lambda::Function")
    assert set(functions) == {"Hub", "Keeper"}
    for function in functions.values():
        its = function["Properties"]
        group = properties("app", its["LoggingConfig"]["LogGroup"]["Ref"])
        assert group["RetentionInDays"] == {"Ref": "LogDays"}
        assert its["DeadLetterConfig"]["TargetArn"] == queue
    for rule in resources("app", "AWS::Events::Rule").values():
        for target in rule["Properties"]["Targets"]:
            assert target["DeadLetterConfig"]["Arn"] == queue
    assert properties("app", "DeadLetters")["SqsManagedSseEnabled"] is True


def test_alarms_tell_of_failures_where_a_topic_is_given():
    alarms = everything("AWS::CloudWatch::Alarm")
    metrics = {f"{it['Properties']['Namespace']} {it['Properties']['MetricName']}" for it in alarms.values()}
    assert metrics == {
        "AWS/Lambda Errors",
        "AWS/Lambda Throttles",
        "AWS/SQS ApproximateNumberOfMessagesVisible",
        "AWS/ApiGateway 5xx",
        "AWS/RDS FreeStorageSpace",
    }
    for alarm in alarms.values():
        assert "AlarmTopic" in str(alarm["Properties"]["AlarmActions"])


def every_statement():
    for (name, key), resource in everything().items():
        if resource["Type"] in ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy"):
            policies = resource["Properties"]
            if "Policies" in policies or "PolicyDocument" in policies:
                for statement in statements(policies, VALUES):
                    yield f"{name} {key}", statement


def test_no_role_may_do_all_or_reach_all():
    for owner, statement in every_statement():
        for action in listed(statement["Action"]):
            assert "*" not in action, (owner, action)
        for resource in listed(statement["Resource"]):
            assert str(resource) != "*", (owner, statement["Sid"])


def test_every_s3_right_is_within_the_prefix():
    for owner, statement in every_statement():
        if not listed(statement["Action"])[0].startswith("s3:"):
            continue
        if statement["Action"] == "s3:ListBucket":
            assert statement["Resource"] == "arn:aws:s3:::b", owner
            for prefix in listed(statement["Condition"]["StringLike"]["s3:prefix"]):
                assert prefix.startswith("p/"), owner
        else:
            for resource in listed(statement["Resource"]):
                assert resource.startswith("arn:aws:s3:::b/p/"), owner


def test_hub_and_keeper_alone_write_under_hub():
    writers = set()
    for owner, statement in every_statement():
        if {"s3:PutObject", "s3:DeleteObject"} & set(listed(statement["Action"])):
            if any(resource.startswith("arn:aws:s3:::b/p/hub/") for resource in listed(statement["Resource"])):
                writers.add(owner)
            for resource in listed(statement["Resource"]):
                assert not resource.startswith("arn:aws:s3:::b/p/*"), owner
    assert writers == {"app HubRole", "app KeeperRole"}


def test_commits_are_never_written_over():
    created = [it for _, it in every_statement() if "s3:PutObject" in listed(it["Action"]) and "/log/" in str(it["Resource"])]
    assert created
    for statement in created:
        assert statement["Condition"] == {"Null": {"s3:if-none-match": "false"}}, statement["Sid"]


def test_the_master_password_is_the_keepers_alone():
    reads = [owner for owner, it in every_statement() if "secretsmanager:GetSecretValue" in listed(it["Action"])]
    assert reads == ["app KeeperRole"]
    init = properties("app", "Init")
    assert init["ServiceToken"] == {"Fn::GetAtt": ["Keeper", "Arn"]}
    assert "Secret" not in str(init)


def test_roles_that_are_named_later_are_made_by_the_master():
    variables = properties("app", "Hub")["Environment"]["Variables"]
    init = properties("app", "Init")
    for kind in ("Writers", "Readers"):
        assert TEMPLATES["app"]["Parameters"][kind]["Default"] == ""
        assert {"Ref": kind} in variables[f"CAUSEWAY_DATABASE__{kind.upper()}"]["Fn::If"]
        assert init[kind] == {"Ref": kind}, "it is asked again"


def test_nobody_writes_any_more_when_the_hub_flushes_for_the_last_time():
    # What depends on a resource is gone before that is taken down.
    for name in ("Stage", "TickRule"):
        assert resources("app")[name]["DependsOn"] == "Init"


def configured(table, prefix="CAUSEWAY_"):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from configured(value, f"{prefix}{key.upper()}__")
        else:
            yield f"{prefix}{key.upper()}"


def test_functions_are_configured_by_keys_that_there_are():
    known = set(configured(tomllib.loads((CONFIG.parent / "hub.toml").read_text())))
    for function in ("Hub", "Keeper"):
        variables = set(properties("app", function)["Environment"]["Variables"])
        assert variables - {"CAUSEWAY_KEEPER"} <= known, function


@pytest.mark.parametrize("name", NAMES)
def test_what_a_template_takes_another_one_hands_on_or_somebody_gives(name):
    handed = {key for other in NAMES for key in TEMPLATES[other].get("Outputs", {})} | {"Prefix", "Package"}
    without = {key for key, it in TEMPLATES[name]["Parameters"].items() if "Default" not in it}
    assert without - handed <= {"ReservedConcurrency", "Site"}

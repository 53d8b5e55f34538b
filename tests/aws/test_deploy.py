"""`deploy` and `destroy` against a stand-in for AWS: what they do, what they leave alone, and what they refuse."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cloud import CONFIG, PASSED_OVER, Cloud
from moto.cloudformation.parsing import get_model_map
from templates import everything

WAITING = {"sites": [{"site": "hcm-01", "edits_waiting": 0}, {"site": "hue-01", "edits_waiting": 3}]}
FLUSHED = {"sites": [{"site": "hcm-01", "edits_waiting": 0}]}
# What the hub says while the database sleeps.
ASLEEP = {"sleep": {"database": "asleep", "since": "2025-11-28T13:00:00Z"}}
OPTIONS = ("--name", "test")


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with Cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    path = tmp_path_factory.mktemp("package") / "hub.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("bootstrap", "")
        file.writestr("rds.pem", "")
    return path


def outputs(cloud, kind):
    stacks = cloud.client("cloudformation").describe_stacks(StackName=f"test-{kind}")["Stacks"]
    return {it["OutputKey"]: it["OutputValue"] for it in stacks[0]["Outputs"]}


def stacks(cloud):
    return sorted(it["StackName"] for it in cloud.client("cloudformation").describe_stacks()["Stacks"])


def what(calls):
    """The calls without their arguments, those that only look left out."""
    verbs = [" ".join(call.split()[:2]) for call in calls]
    return [it for it in verbs if not it.split()[1].startswith(("describe", "head", "get"))]


def test_a_life_of_a_deployment(cloud, package):
    """Made, left alone, changed, asleep, refused to go, gone, and there again with its bucket: in order, since each needs the last."""
    # Nobody said how many requests may be served at once: nothing is made.
    ended, calls = cloud.run("deploy", *OPTIONS, "--package", package)
    assert (ended.returncode, what(calls)) == (2, []), ended
    assert "ReservedConcurrency=5" in ended.stderr

    # Made, in order, and a first token.
    cloud.answers["token"] = {"token": "cw_first"}
    ended, calls = cloud.run("deploy", *OPTIONS, "--package", package, "ReservedConcurrency=5")
    assert ended.returncode == 0, ended
    deploy = "cloudformation deploy"
    assert what(calls) == [deploy, "s3api put-object", deploy, deploy, deploy, "s3api put-bucket-cors", "lambda invoke"]
    assert stacks(cloud) == ["test-app", "test-data", "test-database", "test-network"]
    data, app = outputs(cloud, "data"), outputs(cloud, "app")
    assert f"store    {data['Store']}\n" in ended.stdout
    assert f"address  {app['Address']}\n" in ended.stdout
    assert "token    cw_first\n" in ended.stdout
    keys = [it["Key"] for it in cloud.client("s3").list_objects_v2(Bucket=data["Bucket"])["Contents"]]
    [key] = keys
    assert key.startswith("packages/") and len(key) == len("packages/.zip") + 64
    functions = cloud.client("lambda").list_functions()["Functions"]
    assert {it["FunctionName"] for it in functions} == {app["Hub"], app["Keeper"]}

    # Unchanged: nothing is done.
    cloud.answers["token"] = {"token": None}
    ended, calls = cloud.run("deploy", *OPTIONS, "--package", package)
    assert ended.returncode == 0, ended
    assert what(calls) == [deploy, deploy, deploy, deploy, "lambda invoke"]
    assert ended.stderr.count("No changes to deploy") == 4, ended
    assert "token" not in ended.stdout

    # Changed, after somebody has switched the archive on: it stays on.
    cloud.client("events").enable_rule(Name=app["ArchiveRule"])
    ended, calls = cloud.run("deploy", *OPTIONS, "--package", package, "Memory=512", "Writers=chatbot")
    assert ended.returncode == 0, ended
    assert ended.stderr.count("No changes to deploy") == 3, ended
    app = outputs(cloud, "app")
    assert cloud.client("events").describe_rule(Name=app["ArchiveRule"])["State"] == "ENABLED"
    hub = cloud.client("lambda").get_function(FunctionName=app["Hub"])["Configuration"]
    assert (hub["MemorySize"], hub["Environment"]["Variables"]["CAUSEWAY_DATABASE__WRITERS"]) == (512, "chatbot")
    assert "CAUSEWAY_DATABASE__READERS" not in hub["Environment"]["Variables"]

    # While the database sleeps, all else is changed; not where it was stopped by hand, and nothing of itself.
    instance = outputs(cloud, "database")["Instance"]
    cloud.client("rds").stop_db_instance(DBInstanceIdentifier=instance)
    cloud.answers["tick"] = {"database": "asleep"}
    ended, calls = cloud.run("deploy", *OPTIONS, "--package", package, "Memory=256")
    assert ended.returncode == 0, ended
    assert what(calls) == ["lambda invoke", deploy, deploy, deploy, "lambda invoke"]
    assert cloud.client("lambda").get_function(FunctionName=app["Hub"])["Configuration"]["MemorySize"] == 256
    for parameter in ("Instance=db.t4g.small", "Writers=chatbot"):
        ended, calls = cloud.run("deploy", *OPTIONS, "--package", package, parameter)
        assert (ended.returncode, what(calls)) == (1, []), ended
        assert "wake it first" in ended.stderr
    for cloud.answers["tick"] in (RuntimeError("no database"), {"database": "silent"}):
        ended, calls = cloud.run("deploy", *OPTIONS, "--package", package, "Memory=512")
        assert (ended.returncode, what(calls)) == (1, ["lambda invoke"]), ended
        assert "wake it first" in ended.stderr

    # It stays while changes are in the database alone, or the hub cannot say.
    for answer, reason in [(WAITING, "3 changes wait"), ({}, "does not say"), (RuntimeError("no database"), "no database")]:
        cloud.answers["status"] = answer
        ended, calls = cloud.run("destroy", *OPTIONS)
        assert (ended.returncode, what(calls)) == (1, ["lambda invoke"]), ended
        assert reason in ended.stderr
    assert "test-app" in stacks(cloud)

    # It goes, asleep as it is, and the bucket stays.
    cloud.answers["status"] = ASLEEP
    ended, calls = cloud.run("destroy", *OPTIONS)
    assert ended.returncode == 0, ended
    gone = [call.split()[-1] for call in calls if "delete-stack" in call]
    assert gone == ["test-app", "test-database", "test-network"]
    assert stacks(cloud) == ["test-data"]
    assert data["Store"] in ended.stdout

    # There again, over the same bucket; awake, it goes once all is flushed.
    ended, _ = cloud.run("deploy", *OPTIONS, "--package", package, "ReservedConcurrency=none")
    assert ended.returncode == 0, ended
    assert outputs(cloud, "data") == data
    cloud.answers["status"] = FLUSHED
    ended, _ = cloud.run("destroy", *OPTIONS)
    assert (ended.returncode, stacks(cloud)) == (0, ["test-data"]), ended


def test_a_bucket_that_is_there_is_used_and_keeps_its_rules(cloud, package):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="ours", CreateBucketConfiguration={"LocationConstraint": "ap-southeast-1"})
    other = {"ID": "other", "AllowedOrigins": ["https://example.vn"], "AllowedMethods": ["GET"]}
    s3.put_bucket_cors(Bucket="ours", CORSConfiguration={"CORSRules": [other]})
    before = [it["Name"] for it in s3.list_buckets()["Buckets"]]
    options = ("--name", "second", "--bucket", "ours", "--package", package, "Prefix=causeway/", "ReservedConcurrency=none")
    ended, _ = cloud.run("deploy", *options)
    assert ended.returncode == 0, ended
    assert "store    s3://ours/causeway/\n" in ended.stdout
    assert [it["Name"] for it in s3.list_buckets()["Buckets"]] == before
    assert [it["Key"].rpartition("/")[0] for it in s3.list_objects_v2(Bucket="ours")["Contents"]] == ["causeway/packages"]
    rules = s3.get_bucket_cors(Bucket="ours")["CORSRules"]
    assert {it["ID"]: it["AllowedMethods"] for it in rules} == {"second": ["PUT"], "other": ["GET"]}


@pytest.mark.parametrize(("lose_edits", "code"), [((), 1), (("--lose-edits",), 0)])
def test_a_hub_that_cannot_flush_keeps_its_stack_unless_that_is_meant(cloud, tmp_path, lose_edits, code):
    calls = tmp_path / "calls"
    # Until its custom resource is left behind, the stack of the hub stays.
    (tmp_path / "aws").write_text(
        f"""#!/bin/sh
echo "$*" >>{calls}
case "$*" in
    *invoke*) for answer; do :; done && echo '{{"sites":[]}}' >"$answer" && echo None ;;
    *retain-resources*) touch {tmp_path}/left ;;
    *wait*app) [ -e {tmp_path}/left ] ;;
esac
"""
    )
    (tmp_path / "aws").chmod(0o755)
    ended = cloud.run_at(CONFIG / "destroy", tmp_path, *OPTIONS, *lose_edits)
    assert ended.returncode == code, ended
    deleted = [call for call in calls.read_text().splitlines() if "delete-stack " in call]
    first = "cloudformation delete-stack --stack-name test-app"
    if code:
        assert deleted == [first]
        assert "describe-stack-events" in ended.stderr
    else:
        assert deleted[:2] == [first, f"{first} --retain-resources Init"]
        assert deleted[2:] == [first.replace("app", kind) for kind in ("database", "network")]


def test_a_stack_that_was_never_made_whole_is_taken_down_and_not_deployed_over(cloud, package):
    half = '{"Resources": {"Letters": {"Type": "AWS::SQS::Queue"}}}'
    cloud.client("cloudformation").create_stack(StackName="half-app", TemplateBody=half)
    ended, calls = cloud.run("deploy", "--name", "half", "--package", package)
    assert (ended.returncode, what(calls)) == (1, []), ended
    assert "destroy" in ended.stderr
    ended, _ = cloud.run("destroy", "--name", "half")
    assert ended.returncode == 0, ended
    assert "half-app" not in stacks(cloud)


def test_rules_of_a_bucket_that_cannot_be_read_stay_as_they_are(cloud, package, tmp_path):
    (tmp_path / "aws").write_text(
        f"""#!/bin/sh
case "$*" in
    *get-bucket-cors*) echo "denied" >&2 && exit 254 ;;
esac
exec {cloud.programs}/aws "$@"
"""
    )
    (tmp_path / "aws").chmod(0o755)
    cloud.calls.clear()
    options = ("--name", "third", "--package", package, "ReservedConcurrency=none")
    ended = cloud.run_at(CONFIG / "deploy", tmp_path, *options)
    assert ended.returncode != 0, ended
    assert "denied" in ended.stderr
    assert not [call for call in cloud.calls if "put-bucket-cors" in call]


@pytest.mark.parametrize("script", ["deploy", "destroy", "package"])
def test_a_script_says_how_it_is_used(cloud, script):
    ended, calls = cloud.run(script, "--help")
    assert (ended.returncode, calls) == (0, []), ended
    assert ended.stdout.startswith(f"{script} ") and "Needs: " in ended.stdout
    assert "#" not in ended.stdout


def test_what_no_template_takes_is_refused_before_anything_is_made(cloud, package):
    ended, calls = cloud.run("deploy", "--name", "other", "--package", package, "ReservedConcurency=5")
    assert (ended.returncode, calls) == (2, []), ended
    assert "ReservedConcurency" in ended.stderr


def test_a_package_holds_the_program_and_the_certificates_and_is_the_same_again(cloud, tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, script in {
        "cargo": '[ "$1" = lambda ] || exit 1; [ "$2" != build ] || { mkdir -p target/lambda/causeway-hub && echo hub >target/lambda/causeway-hub/bootstrap; }',
        "curl": 'while [ "$1" != --output ]; do shift; done; echo "-----BEGIN CERTIFICATE-----" >"$2"',
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    # The program is built in a folder of its own.
    copy = tmp_path / "copy" / "config" / "aws"
    copy.mkdir(parents=True)
    (copy / "package").write_bytes((CONFIG / "package").read_bytes())
    (copy / "package").chmod(0o755)
    made = []
    for name in ("one.zip", "two.zip"):
        ended = cloud.run_at(copy / "package", programs, tmp_path / name)
        assert (ended.returncode, ended.stdout) == (0, "arm64\n"), ended
        made.append((tmp_path / name).read_bytes())
    with zipfile.ZipFile(tmp_path / "one.zip") as package:
        assert package.namelist() == ["bootstrap", "rds.pem"]
        assert package.getinfo("bootstrap").external_attr >> 16 & 0o777 == 0o755
    assert made[0] == made[1]


def test_what_the_stand_in_passes_over_is_known():
    kinds = {resource["Type"] for resource in everything().values() if not resource["Type"].startswith("Custom::")}
    assert kinds - set(get_model_map()) == PASSED_OVER


def test_shellcheck_finds_nothing():
    shellcheck = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}:.venv/bin")
    scripts = [CONFIG / name for name in ("deploy", "destroy", "package")]
    found = subprocess.run([shellcheck, *scripts], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")

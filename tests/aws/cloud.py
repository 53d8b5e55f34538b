"""A stand-in for AWS: moto, with what it lacks of CloudFormation, and functions that answer as a test says."""

import contextlib
import io
import json
import logging
import os
import socketserver
import subprocess
import sys
import threading
from pathlib import Path

from awscli.clidriver import create_clidriver
from moto.awslambda.models import LambdaFunction
from moto.cloudformation.custom_model import CustomModel
from moto.cloudformation.models import ChangeSet, Stack
from moto.cloudformation.responses import CloudFormationResponse
from moto.ec2.models.vpcs import VPC
from moto.rds.models import DBInstance, DBParameterGroup
from moto.server import ThreadedMotoServer

CONFIG = Path(__file__).parents[2] / "config" / "aws"
ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "ap-southeast-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
MASTER_SECRET = "arn:aws:secretsmanager:ap-southeast-1:123456789012:secret:rds!db-1"
# What moto's CloudFormation passes over: it warns, and nothing of it is there afterwards.
PASSED_OVER = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::CloudWatch::Alarm",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::RolesAnywhere::Profile",
    "AWS::S3::BucketPolicy",
    "AWS::SQS::QueuePolicy",
}
ATTRIBUTES = {
    "DbiResourceId": lambda instance: instance.dbi_resource_id,
    "Endpoint.Address": lambda instance: instance.address,
    "Endpoint.Port": lambda instance: str(instance.port),
    "MasterUserSecret.SecretArn": lambda _: MASTER_SECRET,
}

# What an instance's stack hands on; that a group is named where it is referred to; and that a custom resource is made, though no
# function of moto's can be called without Docker.
DBInstance.has_cfn_attr = classmethod(lambda _, name: name in ATTRIBUTES)
DBInstance.get_cfn_attribute = lambda self, name: ATTRIBUTES[name](self)
DBParameterGroup.physical_resource_id = property(lambda self: self.name)
CustomModel.is_created = lambda _: True
# A network goes with its stack, though moto knows no way to take down route tables.
VPC.delete_from_cloudformation_json = classmethod(lambda *_: None)


def _apply(change_set):
    """Makes a stack as a change set says, with its outputs, which moto leaves out; or brings it up to date."""
    stack = change_set.stack
    if change_set.change_set_type == "CREATE":
        stack.__init__(
            stack.stack_id, stack.name, change_set.template, change_set.parameters, stack.account_id, stack.region_name
        )
        stack.create_resources()
    else:
        stack.update(change_set.template, parameters={**stack.parameters, **change_set.parameters})


def _has_parameters(stack, parameters):
    known = {**stack.stack_parameters, **stack.parameters}
    return all(str(known[name]) == str(value) for name, value in parameters.items())


ChangeSet.apply = _apply
ChangeSet.diff = lambda _: []
Stack.has_parameters = _has_parameters
# A change set without a change is made, and says so.
CloudFormationResponse._validate_different_update = lambda *_: None


# The AWS CLI takes a second to start, and scripts call it many times: here it is started once, and called through a socket.
CLIENT = """#!{python} -IS
import json, socket, sys
with socket.socket(socket.AF_UNIX) as asked:
    asked.connect({address!r})
    asked.sendall(json.dumps(sys.argv[1:]).encode() + b"\\n")
    code, out, err = json.loads(asked.makefile().read())
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(code)
"""


class Cloud:
    """An account, empty at first."""

    def __init__(self, folder):
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
        # What functions answer: by command, an answer or an exception.
        self.answers = {}
        self.folder = folder

    def __enter__(self):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        logging.getLogger("moto").setLevel(logging.ERROR)
        os.environ.update(ACCOUNT)
        LambdaFunction.invoke = self._invoke
        self.server.start()
        host, port = self.server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"
        self.driver = create_clidriver()
        self.calls = []
        self.cli = socketserver.UnixStreamServer(str(self.folder / "socket"), self._answer_cli)
        threading.Thread(target=self.cli.serve_forever, daemon=True).start()
        self.programs = self.folder / "bin"
        self.programs.mkdir()
        program = self.programs / "aws"
        program.write_text(CLIENT.format(python=sys.executable, address=self.cli.server_address))
        program.chmod(0o755)
        return self

    def __exit__(self, *_):
        self.cli.shutdown()
        self.server.stop()

    def _answer_cli(self, connection, *_):
        with connection.makefile("rw") as file:
            arguments = json.loads(file.readline())
            self.calls.append(" ".join(arguments))
            out, err = (io.TextIOWrapper(io.BytesIO(), write_through=True) for _ in range(2))
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = self.driver.main(["--endpoint-url", self.endpoint, *arguments])
            said = [stream.buffer.getvalue().decode() for stream in (out, err)]
            file.write(json.dumps([code, *said]))

    def _invoke(self, body, _request_headers, response_headers):
        event = json.loads(body)
        answer = self.answers.get(event.get("command"), {})
        if isinstance(answer, Exception):
            response_headers["x-amz-function-error"] = "Unhandled"
            answer = {"errorMessage": str(answer)}
        return json.dumps(answer).encode()

    def client(self, service):
        import boto3

        return boto3.client(service, endpoint_url=self.endpoint)

    def run(self, script, *arguments):
        """Runs a script of config/aws: its end, and the calls that it made."""
        self.calls.clear()
        ended = self.run_at(CONFIG / script, self.programs, *arguments)
        return ended, list(self.calls)

    def run_at(self, script, programs, *arguments):
        """Runs a script with more programs before all others."""
        path = f"{programs}:{os.environ['PATH']}"
        return subprocess.run([script, *arguments], capture_output=True, text=True, env=os.environ | {"PATH": path}, check=False)

"""Writes the plain CloudFormation that SAM makes of a template, as JSON: plain.py TEMPLATE OUTPUT.

It is what AWS does when the template is deployed, with a place in S3 for the code that `sam deploy` would have uploaded.
"""

import json
import sys
from types import SimpleNamespace

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


def main(template, output):
    with open(template) as f:
        sam = yaml_parse(f.read())
    sam["Globals"]["Function"]["CodeUri"] = "s3://code-bucket/key"
    # What a loader would fetch are the names of AWS's managed policies; the template uses none.
    plain = transform(sam, {}, SimpleNamespace(load=dict))
    with open(output, "w") as f:
        json.dump(plain, f, indent=1)


main(*sys.argv[1:])

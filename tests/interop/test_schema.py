"""The JSON Schema that `levin schema` prints: it is one, our configurations satisfy it, wrong ones don't."""
import json
import os
import re
import subprocess
from pathlib import Path

import jsonschema

SOURCE = Path(os.environ["LEVIN_SOURCE_DIR"])
LEVIN = Path(os.environ["LEVIN_BINARY_DIR"]) / "bin/levin"


def without_comments(text):
    """JSON has no comments, our files may: strings are left alone."""
    return re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda m: m.group(1) or "", text, flags=re.S)


schema = json.loads(subprocess.run([LEVIN, "schema"], check=True, capture_output=True, text=True).stdout)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)

configs = sorted((SOURCE / "configs").glob("*.json"))
assert configs
for path in configs:
    errors = list(validator.iter_errors(json.loads(without_comments(path.read_text()))))
    assert not errors, f"{path}: {errors}"
    # What levin makes of it satisfies it too.
    printed = subprocess.run([LEVIN, "fit", "--config", path, "--print_config"], check=True, capture_output=True, text=True).stdout
    errors = list(validator.iter_errors(json.loads(printed)))
    assert not errors, f"{path}, printed: {errors}"

# What is wrong by shape, the schema refuses as well.
refused = 0
for path in sorted((SOURCE / "tests/cli/wrong").glob("*.json")):
    if re.match(r"(section_unknown|section_far|section_trainer_list|section_model_number|seed_text|ckpt_path_number|trainer_unknown|trainer_type|trainer_float_for_int|trainer_precision"
                r"|class_unknown|class_path_missing|class_keys|class_args_flat|class_path_number|model_unknown_key|model_list_item|model_pair|callback_unknown|callback_key"
                r"|callbacks_no_list|logger_unknown|several)", path.name):
        refused += 1
        assert not validator.is_valid(json.loads(path.read_text())), path
assert refused >= 20, refused
print(f"{len(configs)} configurations valid, {refused} wrong ones refused")

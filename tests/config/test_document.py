"""What users read about settings is what the models say."""

import json
from pathlib import Path

import pytest
import yaml

from soxslib.config.document import config_text, settings_text
from soxslib.config.settings import CONFIGURED, model_of, settings_for
from soxslib.config.user import check_config

ROOT = Path(__file__).resolve().parents[2]


def test_the_documentation_is_in_step_with_the_models():
    assert (ROOT / "docs" / "settings.md").read_text() == settings_text(), "run `make docs`"


def test_the_written_config_changes_nothing_and_is_valid_when_uncommented(tmp_path):
    text = config_text()
    assert yaml.safe_load(text) is None
    start = text.index("# settings:")
    content = yaml.safe_load("\n".join(line.removeprefix("# ") for line in text[start:].splitlines()))
    config = check_config(content)
    for step in CONFIGURED:
        defaults = model_of(step)().model_dump()
        assert _plain(settings_for(step, "VIS", config.settings[step])) == _plain(defaults)


def _plain(value):
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("step", CONFIGURED)
def test_every_setting_says_what_it_means(step):
    for name, field in model_of(step).model_fields.items():
        assert field.description, f"{step}.{name} has no description"

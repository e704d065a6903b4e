"""Mistakes in config.yaml: one line each, with the key and the nearest valid one."""

import pytest

from soxslib.config.user import check_config, read_config
from soxslib.errors import ReductionError


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("setings: {}", "setings is not a key; did you mean 'settings'?"),
        ("select: {arm: [VIS]}", "select.arm is not a key; did you mean 'arms'?"),
        ("select: {arms: [UVB]}", "'UVB' is no arm; did you mean 'VIS'?"),
        ("select: {modes: [stear]}", "did you mean 'stare'?"),
        ("raw: 5", "raw is 5: input should be a valid list"),
        ("settings: {staer: {}}", "settings.staer is no step; did you mean 'stare'?"),
        (
            "settings: {master_bias: {clip_sgma: 4}}",
            "settings.master_bias.clip_sgma is not a setting of master_bias; did you mean 'clip_sigma'?",
        ),
        ("settings: {master_bias: {clip_sigma: abc}}", "settings.master_bias.clip_sigma (arm VIS) is 'abc'"),
        ("settings: {master_bias: {NIR: {clip_sigma: -1}}}", "settings.master_bias.clip_sigma (arm NIR) is -1"),
        ("settings: {master_bias: {VIS: 3}}", "settings.master_bias.VIS is 3"),
        ("settings: {master_bias: 3}", "settings.master_bias is 3"),
        ("exclude: [a]\nexclude: [b]", "line 2: key 'exclude' stands twice (first in line 1)"),
        ("pin: [{calibration: flat, use: x}]", "pin.0.calibration is 'flat'"),
        ("pin: [{calibration: master_flat}]", "pin.0.use is missing"),
        ("instrument: FOO", "unknown instrument 'FOO'"),
        ("- a\n- b", "holds a list where keys"),
        ("raw: [a", "line"),
        ("3: x", "config: "),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_that_names_it(tmp_path, text, words):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ReductionError) as caught:
        read_config(str(path))
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_without_a_file_everything_has_its_default(tmp_path):
    config = read_config(str(tmp_path / "none.yaml"))
    assert config.raw == [".", "raw"] and config.instrument == "SOXS" and not config.pin


def test_the_command_line_lies_over_the_file_key_by_key(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("select: {arms: [VIS], modes: [nod]}\nraw: [a]\n")
    config = read_config(str(path), {"select": {"arms": ["NIR"]}, "night": "2026-01-27"})
    assert (config.select.arms, config.select.modes, config.raw, config.nights) == (
        ["NIR"],
        ["nod"],
        ["a"],
        ["2026-01-27"],
    )


def test_dates_may_be_written_as_yaml_reads_them(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("select: {nights: [2026-01-27]}\nnight: 2026-01-28\n")
    assert read_config(str(path)).nights == ["2026-01-27", "2026-01-28"]


def test_one_pattern_needs_no_list():
    config = check_config({"exclude": "SOXS.2026*", "pin": [{"calibration": "master_flat", "use": "x*"}]})
    assert config.exclude == ["SOXS.2026*"] and config.pin[0].use == ["x*"]

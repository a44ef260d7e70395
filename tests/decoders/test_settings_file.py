from pathlib import Path

import pytest

from mindglyph.decoders.autoencoder_settings import AutoencoderSettings
from mindglyph.decoders.settings import DecodingSettings
from mindglyph.decoders.settings_file import read_settings, write_settings
from mindglyph.errors import UserError
from mindglyph.preprocessing import PreprocessingSettings


@pytest.mark.parametrize(
    "settings",
    [
        DecodingSettings(decoder="lda", decoder_settings={"shrinkage": 0.1}),
        DecodingSettings(
            decoder="sparse-cnn",
            decoder_settings={"filters": [8, 16], "training": {"max_epochs": 3, "learning_rate": 1e-4}},
            preprocessing=PreprocessingSettings(highpass=0.123456789, mains=50.0),
            autoencoder=AutoencoderSettings(dimension=3),
            balance="weights",
        ),
        DecodingSettings(decoder="mlp"),
    ],
)
def test_what_is_written_is_read_again(settings: DecodingSettings, tmp_path: Path) -> None:
    write_settings(tmp_path / "best.yaml", settings)
    found = read_settings(tmp_path / "best.yaml")
    assert found.pipeline(128.0).decoder.settings_ == settings.pipeline(128.0).decoder.settings_
    for part in ("decoder", "preprocessing", "autoencoder", "balance"):
        assert getattr(found, part) == getattr(settings, part)


def test_only_what_differs_from_the_defaults_is_written(tmp_path: Path) -> None:
    write_settings(
        tmp_path / "best.yaml", DecodingSettings(decoder="lda", decoder_settings={"rate": 32.0, "stop": 0.5})
    )
    assert (
        (tmp_path / "best.yaml").read_text().startswith("decoder: lda\ndecoder_settings:\n  stop: 0.5\npreprocessing:")
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("decoder: [lda", "best.yaml: cannot be read as YAML"),
        ("decoder: lda\nseed: 3", "best.yaml: there is no 'seed' in a file of settings: choose among decoder, "),
        ("- lda", "best.yaml: is no file of settings: it must say 'decoder: NAME'"),
        ("", "best.yaml: is no file of settings"),
        ("decoder: lda\ndecoder_settings: {gamma: 1}", "best.yaml: settings of lda: gamma"),
        ("decoder: lda\ndecoder_settings: {rate: fast}", "best.yaml: settings of lda: rate"),
        ("decoder: gamma", "best.yaml: there is no decoder 'gamma'"),
        ("decoder: lda\npreprocessing: {highpass: 40}", "best.yaml: preprocessing: highpass lies above lowpass"),
        ("decoder: !!python/object/apply:os.getcwd []", "best.yaml: cannot be read as YAML"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "best.yaml").write_text(text)
    with pytest.raises(UserError) as error:
        read_settings(tmp_path / "best.yaml")
    assert message in str(error.value)


def test_a_file_that_is_absent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_settings(tmp_path / "best.yaml")


def test_a_folder_is_no_file_of_settings(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder: name a file of settings"):
        read_settings(tmp_path)

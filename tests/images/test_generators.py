import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

from mindglyph.errors import UserError
from mindglyph.files import write_arrays
from mindglyph.images.conditions import Condition
from mindglyph.images.generators import Generator
from mindglyph.images.judge import packaged_judge
from mindglyph.images.registry import GENERATORS, generator_settings, load_generator, packaged_generator
from mindglyph.images.sets import load_digits

SMALL: dict[str, dict[str, Any]] = {
    "vae": {"latent_dim": 2, "width": 8},
    "gan": {"latent_dim": 4, "width": 16, "critic_width": 4},
    "flow": {"width": 16, "steps": 2, "guidance": 1.5},
}
BRIEF = {"epochs": 2, "batch_size": 32}


def _small(name: str, **values: Any) -> Generator:
    return generator_settings(name, {**SMALL[name], "training": BRIEF, **values}).build()


@pytest.fixture(params=GENERATORS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module", params=GENERATORS)
def trained(request: pytest.FixtureRequest) -> tuple[str, Generator]:
    digits = load_digits("test")
    generator = _small(request.param)
    generator.fit(digits.images[::10], Condition.of_labels(digits.labels[::10]), seed=1)
    return request.param, generator


def test_pictures_come_of_the_generator_that_is_given(trained: tuple[str, Generator]) -> None:
    _, generator = trained
    condition = Condition.of_labels(np.arange(10))
    drawn = generator.sample(condition, np.random.default_rng(3))
    assert drawn.shape == (10, 28, 28)
    assert drawn.dtype == np.float32
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    np.testing.assert_array_equal(drawn, generator.sample(condition, np.random.default_rng(3)))
    assert np.abs(drawn - generator.sample(condition, np.random.default_rng(4))).max() > 1e-4


def test_a_latent_that_is_given_settles_the_picture(trained: tuple[str, Generator]) -> None:
    _, generator = trained
    condition = Condition.of_labels(np.arange(10))
    latent = np.random.default_rng(0).standard_normal((10, generator.latent_dim))
    first, second = (generator.sample(condition, np.random.default_rng(seed), latent) for seed in (0, 1))
    np.testing.assert_array_equal(first, second)
    with pytest.raises(UserError, match=rf"give \(10, {generator.latent_dim}\)"):
        generator.sample(condition, np.random.default_rng(0), latent[:, 1:])


def test_a_mixture_draws_one_digit_or_the_other(trained: tuple[str, Generator]) -> None:
    _, generator = trained
    n = 40
    latent = np.zeros((n, generator.latent_dim))
    shares = np.zeros((n, 10))
    shares[:, 3], shares[:, 8] = 0.75, 0.25
    drawn = generator.sample(shares, np.random.default_rng(0), latent)
    three, eight = (generator.sample(np.eye(10)[[digit]], np.random.default_rng(0), latent[:1])[0] for digit in (3, 8))
    is_three, is_eight = (np.abs(drawn - picture).max(axis=(1, 2)) < 1e-4 for picture in (three, eight))
    assert np.all(is_three ^ is_eight)
    assert 0.5 < is_three.mean() < 0.95


def test_the_file_holds_no_pickle_and_draws_the_same(trained: tuple[str, Generator], tmp_path: Path) -> None:
    name, generator = trained
    generator.labels = tuple("abcdefghij")
    generator.save(tmp_path / "x.safetensors")
    back = load_generator(tmp_path / "x.safetensors")
    assert type(back) is type(generator)
    assert back.settings == generator.settings
    assert back.labels == generator.labels
    assert back.trained == {"pictures": 200, "epochs": 2, "seed": 1}
    condition = np.eye(10)
    np.testing.assert_array_equal(
        back.sample(condition, np.random.default_rng(0)), generator.sample(condition, np.random.default_rng(0))
    )
    with safe_open(str(tmp_path / "x.safetensors"), framework="numpy") as file:
        assert name in file.metadata()["about"]
    generator.save(tmp_path / "half.safetensors", half=True)
    assert (tmp_path / "half.safetensors").stat().st_size < 0.7 * (tmp_path / "x.safetensors").stat().st_size
    half = load_generator(tmp_path / "half.safetensors").sample(condition, np.random.default_rng(0))
    assert np.abs(half - back.sample(condition, np.random.default_rng(0))).max() < 0.05


def test_a_training_that_broke_off_ends_with_the_same_weights(name: str, tmp_path: Path) -> None:
    digits = load_digits("test")
    images, condition = digits.images[::10], Condition.of_labels(digits.labels[::10])
    whole, broken = _small(name), _small(name)
    history = whole.fit(images, condition, seed=1)

    def stop(epoch: int, loss: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken.fit(images, condition, seed=1, report=stop, folder=tmp_path)
    epochs: list[int] = []
    again = broken.fit(images, condition, seed=1, report=lambda epoch, _: epochs.append(epoch), folder=tmp_path)
    assert epochs == [1]
    assert again == history
    first, second = (made.sample(np.eye(10), np.random.default_rng(0)) for made in (whole, broken))
    np.testing.assert_array_equal(first, second)
    with pytest.raises(UserError, match="an unfinished training with other settings, seed or pictures"):
        _small(name).fit(images, condition, seed=2, folder=tmp_path)


def test_an_embedding_is_drawn_from(name: str) -> None:
    digits = load_digits("test")
    images, labels = digits.images[::20], digits.labels[::20]
    rng = np.random.default_rng(0)
    generator = _small(name, embedding_dim=3)
    generator.fit(images, Condition(np.eye(10)[labels], rng.normal(size=(len(images), 3))))
    latent = rng.standard_normal((4, generator.latent_dim))
    certain = np.eye(10)[[7] * 4]
    drawn = generator.sample(Condition(certain, 20 * rng.normal(size=(4, 3))), rng, np.repeat(latent[:1], 4, axis=0))
    assert np.abs(drawn - drawn[:1]).max() > 1e-4
    with pytest.raises(UserError, match="10 digits and 0 features does not fit this"):
        generator.sample(certain, rng)


@pytest.mark.parametrize(
    ("images", "condition", "message"),
    [
        (np.zeros((3, 28, 28), dtype=np.uint8), np.eye(10)[:2], "do not fit 2 conditions"),
        (np.zeros((2, 28, 28)), np.eye(10)[:2], "give uint8 pictures"),
        (np.zeros((2, 28, 28), dtype=np.uint8), np.eye(4)[:2], "4 digits and 0 features does not fit this gan"),
    ],
)
def test_what_does_not_fit_is_refused(images: np.ndarray, condition: np.ndarray, message: str) -> None:
    with pytest.raises(UserError, match=message):
        _small("gan").fit(images, condition)


@pytest.mark.parametrize(("given", "share"), [("vae", 0.98), ("gan", 0.97), ("flow", 0.97)])
def test_the_packaged_weights_draw_what_they_are_asked_for(given: str, share: float) -> None:
    wanted = np.repeat(np.arange(10), 20)
    drawn = packaged_generator(given).sample(Condition.of_labels(wanted), np.random.default_rng(0))
    assert np.mean(packaged_judge().predict(drawn) == wanted) >= share
    assert np.abs(drawn[0] - drawn[1]).max() > 0.5


def test_the_packaged_weights_are_small(name: str) -> None:
    data = Path(__file__).parents[2] / "src/mindglyph/images/data"
    assert (data / f"{name}.safetensors").stat().st_size < 5_000_000


def test_files_of_something_else_are_refused(tmp_path: Path, name: str) -> None:
    write_arrays(tmp_path / "x.safetensors", {"a": np.zeros(1)}, {"kind": "judge"})
    with pytest.raises(UserError, match="holds 'judge', which is no generator"):
        load_generator(tmp_path / "x.safetensors")
    with pytest.raises(UserError, match=f"holds 'judge', not a {name}"):
        type(_small(name)).load(tmp_path / "x.safetensors")
    write_arrays(tmp_path / "x.safetensors", {"a": np.zeros(1)}, {"kind": name, "settings": {}})
    with pytest.raises(UserError, match=f"does not hold what a {name} needs"):
        load_generator(tmp_path / "x.safetensors")
    (tmp_path / "x.safetensors").write_bytes(b"nonsense")
    with pytest.raises(UserError, match="is no model that mindglyph wrote"):
        load_generator(tmp_path / "x.safetensors")


def test_an_unknown_name_and_a_wrong_setting_are_named() -> None:
    with pytest.raises(UserError, match="there is no generator 'brush': choose one of vae, gan, flow"):
        generator_settings("brush")
    with pytest.raises(UserError, match="there is no generator 'brush'"):
        packaged_generator("brush")
    with pytest.raises(UserError, match="settings of gan: width"):
        generator_settings("gan", {"width": 17})


def test_naming_the_generators_loads_neither_torch_nor_diffusers() -> None:
    code = (
        "import sys, mindglyph.images.registry as r, mindglyph.cli.picturing; "
        "print(sorted({'torch', 'diffusers', 'scipy', 'PIL'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_training_can_go_on_from_what_was_learned(tmp_path: Path) -> None:
    digits = load_digits("test")
    images, condition = digits.images[::10], Condition.of_labels(digits.labels[::10])
    generator = _small("vae")
    first = generator.fit(images, condition)
    second = generator.fit(images, condition, further=True)
    assert second[0] < first[-1]
    assert generator.trained["epochs"] == 4
    with pytest.raises(UserError, match="a gan cannot be trained further"):
        _small("gan").fit(images, condition, further=True)


def test_a_picture_that_is_left_over_does_no_harm(name: str) -> None:
    digits = load_digits("test")
    history = _small(name).fit(digits.images[:33], Condition.of_labels(digits.labels[:33]))
    assert len(history) == 2
    assert np.all(np.isfinite(history))

"""Every layout is read through one entrance; everything wrong with a data set is told, with its place."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from medpattern.errors import UsageError
from medpattern.evaluation.films import Film, contract_for, data_digest, load_films
from medpattern.pipeline.images import InputContract, decode
from tests.evaluation.sets import COLUMNS, LABELS, film, labels, mnist, original, shared, write_tar

ORIGINAL = {
    "train/NORMAL/IM-0115-0001.jpeg": film(0.6),
    "train/PNEUMONIA/person1_bacteria_1.jpeg": film(0.8),
    "train/PNEUMONIA/person1_virus_3.jpeg": film(0.7),
    "test/NORMAL/NORMAL2-IM-0383-0001-0002.jpeg": film(0.5),
    "test/PNEUMONIA/person1_virus_6.jpeg": film(0.9),
}


def by_name(films: tuple[Film, ...]) -> dict[str, Film]:
    found = {film.name: film for film in films}
    assert len(found) == len(films)
    return found


def test_original_folders_are_read(tmp_path: Path) -> None:
    found = by_name(load_films(original(tmp_path, ORIGINAL)))

    assert len(found) == 5
    one = found["PNEUMONIA/person1_virus_6.jpeg"]
    assert (one.pneumonia, one.subtype, one.patient, one.split) == (True, "virus", "person1", "test")
    assert not one.cropped
    assert one.read() == ORIGINAL["test/PNEUMONIA/person1_virus_6.jpeg"]
    other = found["NORMAL/NORMAL2-IM-0383-0001-0002.jpeg"]
    assert (other.pneumonia, other.subtype, other.patient) == (False, "normal", "NORMAL2-IM-0383")


def test_a_film_is_called_the_same_wherever_one_points(tmp_path: Path) -> None:
    original(tmp_path / "chest_xray", ORIGINAL)

    outside = [film for film in load_films(tmp_path) if film.split == "test"]
    part = load_films(tmp_path / "chest_xray" / "test")

    assert outside == list(part)
    assert data_digest(outside) == data_digest(part)


def test_the_same_name_in_two_splits_is_two_films(tmp_path: Path) -> None:
    twice = {f"{split}/NORMAL/IM-0115-0001.jpeg": film(0.6 + 0.1 * (split == "test")) for split in ("train", "test")}
    (tmp_path / "train/PNEUMONIA").mkdir(parents=True)
    (tmp_path / "test/PNEUMONIA").mkdir(parents=True)

    found = by_name(load_films(original(tmp_path, twice)))

    assert {film.split: name for name, film in found.items()} == {
        "train": "NORMAL/IM-0115-0001.jpeg",
        "test": "test/NORMAL/IM-0115-0001.jpeg",
    }


def test_a_part_of_its_own_is_a_test_unless_its_folder_says_otherwise(tmp_path: Path) -> None:
    part = {"NORMAL/IM-0115-0001.jpeg": film(0.6), "PNEUMONIA/person1_virus_6.jpeg": film(0.8)}

    assert {film.split for film in load_films(original(tmp_path / "ours", part))} == {"test"}
    assert {film.split for film in load_films(original(tmp_path / "train", part))} == {"train"}


def test_equal_files_after_the_first_are_duplicates(tmp_path: Path) -> None:
    more = ORIGINAL | {"train/PNEUMONIA/person1_bacteria_2.jpeg": ORIGINAL["train/PNEUMONIA/person1_bacteria_1.jpeg"]}

    found = load_films(original(tmp_path, more))

    assert [film.name for film in found if film.duplicate] == ["PNEUMONIA/person1_bacteria_2.jpeg"]


def test_names_that_say_no_patient_are_refused_or_stand_alone(tmp_path: Path) -> None:
    original(tmp_path, ORIGINAL | {"test/PNEUMONIA/0001.png": film(0.8), "test/NORMAL/0002.png": film(0.6)})

    with pytest.raises(UsageError, match=r"0002\.png, .*0001\.png; known are personN_bacteria"):
        load_films(tmp_path)
    found = by_name(load_films(tmp_path, strict=False))

    assert (found["PNEUMONIA/0001.png"].subtype, found["PNEUMONIA/0001.png"].pneumonia) == ("pneumonia", True)
    assert (found["NORMAL/0002.png"].subtype, found["NORMAL/0002.png"].pneumonia) == ("normal", False)
    assert found["PNEUMONIA/0001.png"].patient != found["NORMAL/0002.png"].patient


def test_files_of_the_operating_system_are_passed_over(tmp_path: Path) -> None:
    original(tmp_path, ORIGINAL | {"test/NORMAL/.DS_Store": b"\0\1"})

    assert len(load_films(tmp_path)) == 5


def test_the_shared_set_is_read(tmp_path: Path) -> None:
    found = by_name(load_films(shared(tmp_path)))

    assert {film.name: (film.patient, film.subtype, film.split, film.duplicate) for film in found.values()} == {
        f"{label}/{name}": (group, subtype, split, bool(twin)) for name, label, group, subtype, split, _, twin in LABELS
    }
    assert not any(film.cropped for film in found.values())
    assert decode(found["PNEUMONIA/person1_bacteria_1.jpeg"].read()).pixels.shape == (32, 48)


def test_the_full_size_tar_has_lost_its_borders_and_holds_fewer(tmp_path: Path) -> None:
    found = load_films(shared(tmp_path, tar="cxr_full320.tar") / "cxr_full320.tar")

    assert {film.name.partition("/")[2] for film in found} == {row[0] for row in LABELS if row[5] == "1"}
    assert all(film.cropped for film in found)


def test_no_border_is_cut_off_twice(tmp_path: Path) -> None:
    contract = InputContract("image", 16, 24, crop=0.04)
    (whole, *_), (cropped, *_) = (
        load_films(shared(folder(tmp_path, tar), tar=tar) / tar) for tar in ("cxr224.tar", "cxr_full320.tar")
    )

    assert contract_for(whole, contract) == contract
    assert contract_for(cropped, contract).crop == 0
    assert contract_for(cropped, contract).resize == contract.resize


def folder(root: Path, name: str) -> Path:
    (root / name.partition(".")[0]).mkdir()
    return root / name.partition(".")[0]


@pytest.mark.parametrize("side", [28, 64])
def test_pneumonia_mnist_is_read(tmp_path: Path, side: int) -> None:
    found = by_name(load_films(mnist(tmp_path / "m.npz", side)))

    assert {(film.split, film.pneumonia) for film in found.values()} == {
        (split, sick) for split in ("train", "val", "test") for sick in (False, True)
    }
    assert len({film.patient for film in found.values()}) == 6
    pixels = decode(found["test/PNEUMONIA/0001.png"].read()).pixels
    assert pixels.shape == (side, side)
    assert set(pixels.ravel().tolist()) == {202}


def test_the_digest_hangs_on_names_and_bytes_and_not_on_their_order(tmp_path: Path) -> None:
    films = load_films(original(tmp_path, ORIGINAL))
    digest = data_digest(films)

    assert digest.startswith("sha256:")
    assert data_digest(reversed(films)) == digest
    assert data_digest(films[1:]) != digest
    (tmp_path / "test/PNEUMONIA/person1_virus_6.jpeg").write_bytes(film(0.7))
    assert data_digest(films) != digest
    (tmp_path / "test/PNEUMONIA/person1_virus_6.jpeg").unlink()
    with pytest.raises(UsageError, match=r"person1_virus_6\.jpeg cannot be read: No such file"):
        data_digest(films)


Made = Callable[[Path], Path]


def without_labels(root: Path) -> Path:
    (shared(root) / "labels.csv").unlink()
    return root


def with_labels(*rows: tuple[str, ...], columns: list[str] = COLUMNS) -> Made:
    def made(root: Path) -> Path:
        shared(root)
        labels(root / "labels.csv", rows or LABELS, columns)
        return root

    return made


def written(name: str, data: bytes) -> Made:
    def made(root: Path) -> Path:
        (root / name).write_bytes(data)
        return root / name

    return made


def broken_tar(root: Path) -> Path:
    (shared(root) / "cxr224.tar").write_bytes(b"no tar" * 200)
    return root


def other_tar(root: Path) -> Path:
    write_tar(shared(root) / "films.tar", {})
    return root / "films.tar"


def pickled(root: Path) -> Path:
    return mnist(root / "m.npz", test_images=np.array([{"a": 1}, {"b": 2}], object))


def scratched(root: Path) -> Path:
    path = mnist(root / "m.npz")
    data = bytearray(path.read_bytes())
    middle = data.index(b"train_images.npy") + 300
    data[middle : middle + 40] = bytes(range(40))
    path.write_bytes(data)
    return path


def cut(root: Path) -> Path:
    path = mnist(root / "m.npz")
    path.write_bytes(path.read_bytes()[:-200])
    return path


MORE = ("person9_virus_1.jpeg", "PNEUMONIA", "person9", "virus", "val", "1", "")
WRONG: dict[str, tuple[Made, str]] = {
    "nothing there": (lambda root: root / "nowhere", "there is no .*nowhere"),
    "an empty folder": (lambda root: root, "is no known data set: give a folder with train, val or test"),
    "another file": (written("films.zip", b"PK"), r"films\.zip is no known data set"),
    "no film": (lambda root: original(root, {"test/NORMAL/.DS_Store": b""}), "has no folder PNEUMONIA"),
    "empty classes": (
        lambda root: original(root, {f"test/{label}/.DS_Store": b"" for label in ("NORMAL", "PNEUMONIA")}),
        "holds no films: NORMAL and PNEUMONIA in it are empty",
    ),
    "a text among films": (lambda root: original(root, ORIGINAL | {"test/NORMAL/a.txt": b""}), r"a\.txt is no film"),
    "a film in the wrong class": (
        lambda root: original(root, ORIGINAL | {"test/NORMAL/person9_virus_1.jpeg": b""}),
        "the name says virus, the folder NORMAL",
    ),
    "no labels": (without_labels, r"there is no .*labels\.csv"),
    "a column less": (
        with_labels(columns=[name for name in COLUMNS if name not in ("split", "dup_of")]),
        r"labels\.csv lacks the columns split, dup_of",
    ),
    "labels of more films": (with_labels(*LABELS, MORE), r"names PNEUMONIA/person9_virus_1\.jpeg, which is not in"),
    "films without labels": (with_labels(*LABELS[1:]), r"has no row for NORMAL/IM-0115-0001\.jpeg"),
    "a label twice": (with_labels(*LABELS, LABELS[2]), r"two rows for PNEUMONIA/person1_bacteria_1\.jpeg"),
    "an unknown subtype": (
        with_labels((*MORE[:3], "fungus", *MORE[4:])),
        r"person9_virus_1\.jpeg is 'PNEUMONIA', 'fungus'",
    ),
    "an unknown split": (with_labels((*MORE[:4], "dev", *MORE[5:])), "needs a group_id and a split: train, val, test"),
    "no group": (with_labels((*MORE[:2], "", *MORE[3:])), "needs a group_id and a split"),
    "a damaged tar": (broken_tar, r"cxr224\.tar is no readable, uncompressed tar file"),
    "an undeclared tar": (other_tar, r"nothing declares whether .*films\.tar has lost its borders"),
    "no tar": (lambda root: (shared(root) / "cxr224.tar").unlink() or root, r"there is no .*cxr224\.tar"),
    "no npz": (written("m.npz", b"no zip at all"), r"m\.npz is no npz file"),
    "an empty npz": (written("m.npz", b""), r"m\.npz is no npz file"),
    "a cut npz": (cut, r"m\.npz is no npz file, or only a part of one"),
    "a scratched npz": (scratched, r"m\.npz is damaged \(BadZipFile\)"),
    "a pickle": (written("m.npz", pickle.dumps({"train_images": 1})), r"m\.npz is no npz file"),
    "a pickle inside": (pickled, r"pickled objects, which can run code; they are never loaded"),
    "another npz": (lambda root: mnist(root / "m.npz", **dict.fromkeys(
        [f"{split}_{what}" for split in ("train", "val", "test") for what in ("images", "labels")])),
        "is no PneumoniaMNIST"),
    "no labels in the npz": (lambda root: mnist(root / "m.npz", val_labels=None),
                             "only one of val_images and val_labels"),
    "colour": (
        lambda root: mnist(root / "m.npz", val_images=np.zeros((2, 8, 8, 3), np.uint8)), "val_images is uint8",
    ),
    "labels too few": (lambda root: mnist(root / "m.npz", val_labels=np.array([1])), "a 0 or 1 for each of the 2"),
    "other labels": (lambda root: mnist(root / "m.npz", val_labels=np.array([1, 2])), "a 0 or 1 for each of the 2"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_everything_wrong_is_told(tmp_path: Path, case: str) -> None:
    made, words = WRONG[case]
    path = made(tmp_path)

    with pytest.raises(UsageError, match=words):
        load_films(path)

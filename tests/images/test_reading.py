"""Pictures of every mode and depth, bombs and broken files."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from appkit.images import reading
from appkit.images.reading import read_folder, read_picture, square

COLOURS = np.zeros((4, 6, 3), np.uint8)
COLOURS[:2, :3], COLOURS[2:, 3:] = (255, 0, 0), (0, 0, 255)  # red above left, blue below right


def encoded(picture, kind="PNG", **options):
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "P", "YCbCr", "LAB"])
def test_colours_stay(mode):
    picture = Image.fromarray(COLOURS)
    if mode == "LAB":
        from PIL import ImageCms

        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        picture = ImageCms.profileToProfile(picture, *profiles, outputMode="LAB")
        content = encoded(picture, "TIFF")
    else:
        content = encoded(picture.convert(mode), "PNG" if mode != "YCbCr" else "TIFF")
    found = read_picture(content)
    assert found.shape == (4, 6, 3)
    assert found.dtype == np.uint8
    if mode != "LAB":  # whose numbers depend on a profile
        assert np.abs(found.astype(int) - COLOURS).max() <= 2


def test_cmyk_is_converted():
    found = read_picture(encoded(Image.fromarray(COLOURS).convert("CMYK"), "TIFF"))
    assert np.abs(found.astype(int) - COLOURS).max() <= 2


@pytest.mark.parametrize("mode", ["L", "1"])
def test_grey_has_three_equal_channels(mode):
    grey = Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8)).convert(mode)
    found = read_picture(encoded(grey))
    assert (found == np.array([[0, 255], [255, 0]])[..., None]).all()


def test_sixteen_bits_become_eight():
    """Pillow's own conversion cuts everything above 255 off."""
    deep = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    found = read_picture(encoded(Image.fromarray(deep)))
    assert np.abs(found[..., 0].astype(float) - deep / 257).max() <= 0.5
    tiff = read_picture(encoded(Image.fromarray((deep / 65535).astype(np.float32)), "TIFF"))
    assert np.abs(tiff[..., 0].astype(float) - deep / 257).max() <= 0.5


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_lies_on_white(mode):
    over = np.zeros((2, 2, 4), np.uint8)
    over[0, 0] = (0, 0, 0, 255)
    if mode == "P":
        picture = Image.fromarray(np.array([[0, 1], [1, 1]], np.uint8), "P")
        picture.putpalette([0, 0, 0, 9, 9, 9])
        content = encoded(picture, transparency=1)
    else:
        content = encoded(Image.fromarray(over).convert(mode))
    found = read_picture(content)
    assert found[0, 0].tolist() == [0, 0, 0]
    assert (found[1] == 255).all()


@pytest.mark.parametrize(("orientation", "turned"), [(3, 2), (6, -1), (8, 1)])
def test_it_is_turned_as_the_camera_was_held(orientation, turned):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(Image.fromarray(COLOURS), "PNG", exif=exif.tobytes())
    assert (read_picture(content) == np.rot90(COLOURS, turned)).all()


def test_the_first_frame_of_an_animation():
    frames = [Image.new("RGB", (3, 3), colour) for colour in ("red", "blue")]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert read_picture(content)[0, 0].tolist() == [255, 0, 0]


def bomb(side):
    """The head of a PNG of so many pixels; little more than that."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bomb(8_000), "The picture has 8,000 × 8,000 pixels, over 50 million: make it smaller"),
        (bomb(30_000), "The picture has too many pixels, over 50 million"),
        (b"no picture", "The picture is no picture that can be read: bring a PNG or JPEG"),
        (b"", "The picture is no picture that can be read"),
        (bomb(30)[:-25], "The picture cannot be read (damaged"),
    ],
)
def test_bad_files_are_said(content, message):
    with pytest.raises(ValueError) as error:
        read_picture(content)
    assert message in str(error.value)


def test_a_missing_file_and_a_cut_one_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"nothing\.png cannot be read \(No such file"):
        read_picture(tmp_path / "nothing.png")
    whole = encoded(Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 90, 3), "u1")))
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(
        ValueError, match=r"cut\.png cannot be read \(damaged\? image file is trunc"
    ):
        read_picture(tmp_path / "cut.png")


def test_square_is_the_middle():
    wide = np.zeros((40, 80, 3), np.uint8)
    wide[:, 20:60] = 200
    found = square(wide, 10)
    assert found.shape == (10, 10, 3)
    assert np.allclose(found[:, 1:-1], 200, atol=5)
    assert (found[:, [0, -1]] > 150).all()  # half of the scaling's filter lies beyond the edge


@pytest.fixture
def tree(tmp_path):
    """Two classes of three, a third with one broken file, and things that are no class."""
    for number, name in enumerate(("cats", "dogs")):
        (tmp_path / name).mkdir()
        for k in range(3):
            colour = Image.new("RGB", (20 + k, 16), (90 * number, 80, 40 * k))
            colour.save(tmp_path / name / f"{k}.png")
    (tmp_path / "birds").mkdir()
    (tmp_path / "birds" / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("none")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "cats" / ".DS_Store").write_bytes(b"x")
    return tmp_path


def test_a_tree_is_read_and_broken_files_are_counted(tree):
    told = []
    found = read_folder(tree, 8, progress=lambda *done: told.append(done))
    assert found.pictures.shape == (6, 8, 8, 3)
    assert found.classes == ["cats", "dogs"]
    assert found.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert [file.name for file in found.files] == ["0.png", "1.png", "2.png"] * 2
    assert told[-1] == (7, 7)
    assert found.report() == (
        "6 pictures of 2 classes; 1 file was skipped: broken.jpg (is no picture that can be "
        "read: bring a PNG or JPEG); no picture in birds."
    )
    assert len(read_folder(tree, 8, most=2).files) == 4


def test_trees_that_are_none_are_said(tree, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="is no folder: a class is a folder of pictures"):
        read_folder(tree / "nowhere", 8)
    with pytest.raises(ValueError, match=r"has 0 folder\(s\) with pictures .* of 0: two classes"):
        read_folder(tree / "cats", 8)
    monkeypatch.setattr(reading, "MOST_BYTES", 1000)
    with pytest.raises(ValueError, match=r"7 pictures of 8 × 8 pixels need 1\.34e-06 GB, over"):
        read_folder(tree, 8)


def test_whatever_is_in_a_class_is_told(tree):
    """A link whose file has gone, a name that is no text; a pipe is waited for by nobody."""
    (tree / "birds" / "gone.png").symlink_to(tree / "nowhere.png")
    os.mkfifo(tree / "birds" / "pipe.png")
    Path(os.fsdecode(bytes(tree / "birds") + b"/\xff.png")).write_bytes(b"no picture")
    told = read_folder(tree, 8).report()
    assert "3 files were skipped" in told
    assert "gone.png (cannot be read (No such file or directory))" in told
    assert "\\udcff.png (is no picture" in told
    assert told.endswith("no picture in birds.")
    told.encode()


def test_a_folder_that_would_not_fit_is_refused_before_it_is_read(tree, monkeypatch):
    monkeypatch.setenv("APPKIT_MEMORY_GB", "2e-6")
    assert len(read_folder(tree, 8).files) == 6
    with pytest.raises(ValueError, match=r"pictures of 8 × 8 pixels need 6\.72e-06 GB, over 2e-06"):
        read_folder(tree, 8, bytes_each=5)


def test_a_dark_picture_of_sixteen_bits_stays_dark():
    dark = np.full((4, 4), 200, np.uint16)
    assert read_picture(encoded(Image.fromarray(dark))).max() == 1


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP", "PPM", "AVIF"])
def test_a_damaged_file_is_read_or_said(kind):
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    random = np.random.default_rng(0)
    content, said = encoded(Image.fromarray(COLOURS.repeat(4, 0).repeat(4, 1)), kind), set()
    for _ in range(60):
        damaged = bytearray(content)
        for place in random.integers(len(content), size=4):
            damaged[place] = random.integers(256)
        try:
            read_picture(bytes(damaged))
        except ValueError as error:
            said.add(str(error)[:11])
    assert said <= {"The picture"}


def test_postscript_is_not_run():
    """Pillow would hand it to Ghostscript."""
    with pytest.raises(ValueError, match="is no picture that can be read"):
        read_picture(encoded(Image.fromarray(COLOURS), "EPS"))


def test_photographs_are_as_another_reader_sees_them():
    import sklearn.datasets

    path = Path(sklearn.datasets.__file__).parent / "images" / "flower.jpg"
    assert (read_picture(path) == sklearn.datasets.load_sample_image("flower.jpg")).all()

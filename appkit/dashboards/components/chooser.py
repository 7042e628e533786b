"""Choose a molecule: from a set, by SMILES, or from a file."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any, NamedTuple

import panel as pn
import panel_material_ui as pmui
import param

from appkit.dashboards import library
from appkit.dashboards.components.card import hint
from appkit.dashboards.components.files import CheckedFileInput
from appkit.energy.molecules import MAX_ATOMS, MAX_BYTES, from_smiles, from_xyz

WAYS = ("library", "smiles", "file")


class Files(NamedTuple):
    """What a person may bring: for the button, the hint under it, bytes, and how they are read."""

    label: str
    hint: str
    most: int
    read: Callable[[bytes, str], Any]  # content and the file's name


XYZ = Files(
    "Choose an xyz file",
    f"Up to {MAX_ATOMS} atoms and {MAX_BYTES // 2**20} MB, coordinates in Å. It stays here.",
    MAX_BYTES,
    lambda content, name: from_xyz(content),
)


class Asked(NamedTuple):
    """A choice: by which way, its name, and a file's content."""

    way: str
    name: str
    content: bytes | None = None


class MoleculeChooser(pn.viewable.Viewer):
    """Three ways to a molecule; `load` gives it, on a worker.

    ``molecule`` and ``smiles`` are strings for the URL; a file's content stays in the session.

    Parameters
    ----------
    shelf : the set; the embedded one if None.
    flat : whether the page wants flat molecules, which the hint under a SMILES says then.
    files : which files, and what `load` makes of one.
    """

    way: Any = param.Selector(
        default="library", objects=list(WAYS), doc="Where the molecule is from."
    )
    molecule = param.String(default="", doc="Label in the set.")
    smiles = param.String(default="", doc="A SMILES that a person typed.")
    chosen = param.Event(doc="A molecule was chosen, by whichever way.")

    def __init__(
        self,
        shelf: library.Shelf | None = None,
        *,
        flat: bool = True,
        files: Files = XYZ,
        **params: Any,
    ) -> None:
        super().__init__(**params)
        self._files, self._name = files, ""
        self._shelf = library.planar() if shelf is None else shelf
        self._content: bytes | None = None
        self._problem = ""
        self._says = hint("")
        self._library = pmui.AutocompleteInput(
            label="Formula or SMILES" if flat else "Name, formula or SMILES",
            placeholder="for example C6H6",
            options=list(self._shelf.names),
            search_strategy="includes",
            case_sensitive=False,
            min_characters=0,
            sizing_mode="stretch_width",
            margin=(10, 0, 0, 0),
        )
        self._typed = pmui.TextInput.from_param(
            self.param.smiles,
            label="SMILES, then Enter",
            placeholder="for example c1ccsc1",
            max_length=400,
            sizing_mode="stretch_width",
            margin=(10, 0, 0, 0),
        )
        self._file = CheckedFileInput(
            label=files.label,
            max_file_size=files.most,
            variant="outlined",
            sizing_mode="stretch_width",
            margin=(10, 0, 0, 0),
        )
        self._ways = pmui.RadioButtonGroup(
            options={"Set": "library", "SMILES": "smiles", "File": "file"},
            value=self.way,
            size="small",
            color="primary",
            sizing_mode="stretch_width",
            margin=0,
        )
        self._shown = {
            "library": self._library,
            "smiles": pmui.Column(self._typed, hint(_SMILES + (_FLAT if flat else "")), margin=0),
            "file": pmui.Column(self._file, hint(files.hint), margin=0),
        }
        self._place = pmui.Column(self._shown[self.way], margin=0, sizing_mode="stretch_width")
        self._library.param.watch(self._picked, "value")
        self._file.on_refused = self._refused
        self._file.param.watch(self._uploaded, "value", onlychanged=False)
        self._ways.param.watch(self._turned, "value")
        self._show_molecule()

    @param.depends("way", watch=True)
    def _show_way(self) -> None:
        self._ways.value = self.way
        self._place[:] = [self._shown[self.way]]

    @param.depends("molecule", watch=True)
    def _show_molecule(self) -> None:
        names = self._shelf.names.items()
        shown = next((name for name, label in names if label == self.molecule), None)
        if shown != self._library.value:
            self._library.value = shown
        self._announce("library")

    @param.depends("smiles", watch=True)
    def _typed_smiles(self) -> None:
        self._announce("smiles")

    def _picked(self, event: param.parameterized.Event) -> None:
        if event.new:
            self.molecule = self._shelf.names[event.new]

    def _uploaded(self, event: param.parameterized.Event) -> None:
        self._content, self._problem = event.new or b"", ""
        self._name = self._file.filename or ""
        self._announce("file")

    def _refused(self, reason: str) -> None:
        self._content, self._problem = None, reason
        self._announce("file")

    def _turned(self, event: param.parameterized.Event) -> None:
        self.way = event.new
        self.param.trigger("chosen")

    def _announce(self, way: str) -> None:
        self.way = way
        self.param.trigger("chosen")

    def load(self) -> Any:
        """The chosen molecule or what a file is read as; None where this way was not used yet.

        Raises ``ValueError`` with a sentence for the person; takes up to seconds for a SMILES.
        """
        if self.way == "smiles":
            return from_smiles(self.smiles) if self.smiles else None
        if self.way == "file":
            if self._problem:
                raise ValueError(self._problem)
            return None if self._content is None else self._files.read(self._content, self._name)
        if not self.molecule:
            return None
        if self.molecule not in self._shelf.atoms:
            raise ValueError(f"'{self.molecule}' is not in this set: type it as a SMILES instead.")
        return self._shelf.atoms[self.molecule]

    @property
    def asked(self) -> Asked:
        """What is chosen now."""
        if self.way == "file":
            return Asked("file", self._name, self._content)
        return Asked(self.way, self.smiles if self.way == "smiles" else self.molecule)

    def tell(self, shown: Asked | None, note: str) -> None:
        """Say what is shown where it is not what is chosen, else a note on it."""
        if shown is not None and shown != self.asked:
            note = f"Still shown: {shown.name or 'the last file'}."
        self._says.object = f"<p>{html.escape(note)}</p>" if note else ""

    def __panel__(self) -> pn.viewable.Viewable:
        return pmui.Column(
            self._ways,
            self._place,
            self._says,
            margin=0,
            sizing_mode="stretch_width",
            sx={"gap": "4px"},
        )


_SMILES = "RDKit makes a 3-D geometry."
_FLAT = " Flat molecules only, or project them."

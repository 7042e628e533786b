"""Enumerate small conjugated molecules of H, C, N, O, S, Cl that may be planar.

Rings of five and six, fused rings of 5+5 and 5+6, and conjugated chains grow by replacing a
hydrogen with a substituent, up to nine heavy atoms. Every atom is trigonal or linear, so that a
planar structure is possible; which ones are planar minima is decided by the relaxation.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from itertools import product

from rdkit import Chem, RDLogger
from rdkit.Chem.EnumerateStereoisomers import (
    EnumerateStereoisomers,
    StereoEnumerationOptions,
)

MAX_HEAVY = 9
#: What an atom of a ring may be, and how often it is drawn for the larger, sampled, templates.
RING_ATOMS = {"c": 10, "n": 5, "[nH]": 2, "o": 1, "s": 1, "c(=O)": 3}
RINGS = {
    "five": "{}1{}{}{}{}1",
    "six": "{}1{}{}{}{}{}1",
    "five-five": "{}1{}{}{b}2{}{}{}{b}12",
    "five-six": "{}1{}{}{b}2{}{}{}{}{b}12",
}
CHAINS = ("C=C", "C=O", "C#C", "C#N", "N=N", "C=N", "C(=O)N", "C(=O)O", "C=NO", "C=CC=C")
#: Substituents, bound by their first atom, and how often each is drawn.
SUBSTITUENTS = {
    "O": 6,
    "N": 6,
    "S": 1,
    "Cl": 1,
    "C=O": 6,
    "C#N": 6,
    "C#C": 4,
    "C=C": 4,
    "C=N": 4,
    "N=O": 2,
    "C(N)=O": 5,
    "C(O)=O": 5,
    "[N+](=O)[O-]": 2,
    "C=NO": 4,
    "NC=O": 4,
    "OC=O": 2,
    "N=N": 1,
    "NN=C": 1,
    "C(N)=N": 3,
    "C(N)=S": 1,
    "C(=O)C=O": 2,
    "C=CC=O": 2,
    "C=CC#N": 2,
    "NC(N)=O": 2,
    "SC=O": 1,
    "NC=S": 1,
    "SC#N": 1,
}
#: Kinds of which only a share is kept: S and Cl, to have about as many as QM2D has (17%, 5%), and
#: amines, because most of them leave the plane.
_THINNED = [
    (Chem.MolFromSmarts("[S,s,Cl]"), 0.6),
    (Chem.MolFromSmarts("[NX3;H2]-[#6;!$([#6]=[O,S])]"), 0.3),
]
_UNLIKELY = [
    Chem.MolFromSmarts(pattern)
    for pattern in (
        "*=*=*",  # cumulenes: end groups at right angles, or ketenes and azides
        "[CX4]",  # hydrogens out of the plane
        "[NX3;!$([N+]),OX2,SX2]-;!@[NX3;!$([N+]),OX2,SX2]",  # lone pairs turn such bonds
        "[nH,o,s]~[nH,o,s]",
        "[NX3,OX2,SX2;R]-[NX3,OX2,SX2;R]",
        "[N,O,S,n,o,s]-Cl",
        "[N+](=O)-[!#6;!$([O-])]",
        "[NX2](=O)-[!#6]",
        "[N,O,S;!$([N+])]-[CX2]#C",
        "O-C#N",
        "[#7,#8,#16]~[#7,#8,#16]~[#7,#8,#16]~[#7,#8,#16]~[#7,#8,#16]",  # five in a row
    )
]


Groups = dict[tuple[int, int], dict[str, str]]  # (heavy atoms, rings) -> InChIKey -> SMILES


def candidates(seed: int = 0, per_group: int = 1000) -> list[str]:
    """Canonical SMILES, one for each InChIKey, in a reproducible random order.

    ``per_group`` bounds how many are kept (and grown) with the same numbers of heavy atoms and
    rings, so that chains do not crowd out rings.
    """
    RDLogger.DisableLog("rdApp.*")
    rng = random.Random(seed)
    groups: Groups = {(n, rings): {} for n in range(2, MAX_HEAVY + 1) for rings in range(3)}
    for smiles in (*CHAINS, *_ring_systems(rng)):
        _keep(smiles, groups)
    for (n, _), members in groups.items():
        for parent in _sample(members, per_group, rng) if n < MAX_HEAVY else []:
            for smiles in _substituted(parent, rng):
                _keep(smiles, groups)
    chosen = [s for members in groups.values() for s in _sample(members, per_group, rng)]
    rng.shuffle(chosen)
    return chosen


def _sample(members: dict[str, str], limit: int, rng: random.Random) -> list[str]:
    kept = [s for s in sorted(members.values()) if rng.random() < _share(s)]
    return rng.sample(kept, min(limit, len(kept)))


def _share(smiles: str) -> float:
    molecule = Chem.MolFromSmiles(smiles)
    return min((share for p, share in _THINNED if molecule.HasSubstructMatch(p)), default=1.0)


def _ring_systems(rng: random.Random) -> Iterator[str]:
    """SMILES of conjugated rings: every single ring, a sample of the fused ones."""
    names, weights = list(RING_ATOMS), list(RING_ATOMS.values())
    for name in ("five", "six"):
        size = RINGS[name].count("{}")
        for atoms in product(names, repeat=size):
            yield _fill(RINGS[name], atoms)
    for name, draws in (("five-five", 20000), ("five-six", 30000)):
        size = RINGS[name].count("{}")
        for _ in range(draws):
            bridge = rng.choices(["c", "n"], [6, 1])[0]
            template = RINGS[name].replace("{b}", bridge, 1).replace("{b}", "c")
            yield _fill(template, rng.choices(names, weights, k=size))


def _fill(template: str, atoms: Iterable[str]) -> str:
    """Put ring atoms into a template; ring-closure digits go before branches."""
    smiles = template.format(*atoms)
    return smiles.replace("(=O)1", "1(=O)").replace("(=O)2", "2(=O)")


def _substituted(parent: str, rng: random.Random) -> Iterator[str]:
    """Replace a random hydrogen by a random substituent, more often in the smaller parents."""
    molecule = Chem.AddHs(Chem.MolFromSmiles(parent))
    room = MAX_HEAVY - molecule.GetNumHeavyAtoms()
    hydrogens = [
        atom.GetIdx()
        for atom in molecule.GetAtoms()
        if atom.GetAtomicNum() == 1 and atom.GetNeighbors()[0].GetAtomicNum() == 6
    ]
    allowed = {s: w for s, w in SUBSTITUENTS.items() if _size(s) <= room}
    if not hydrogens or not allowed:
        return
    draws = 40 // 2 ** max(0, molecule.GetNumHeavyAtoms() - 4) + 4
    for substituent in rng.choices(list(allowed), list(allowed.values()), k=draws):
        yield _replace(molecule, rng.choice(hydrogens), substituent)


def _replace(molecule: Chem.Mol, hydrogen: int, substituent: str) -> str:
    joined = Chem.RWMol(Chem.CombineMols(molecule, Chem.MolFromSmiles(substituent)))
    parent = joined.GetAtomWithIdx(hydrogen).GetNeighbors()[0]
    joined.AddBond(parent.GetIdx(), molecule.GetNumAtoms(), Chem.BondType.SINGLE)
    first = joined.GetAtomWithIdx(molecule.GetNumAtoms())
    first.SetNumExplicitHs(0)
    joined.RemoveAtom(hydrogen)
    return Chem.MolToSmiles(Chem.RemoveHs(joined, sanitize=False))


def _size(smiles: str) -> int:
    return Chem.MolFromSmiles(smiles).GetNumHeavyAtoms()


def _keep(smiles: str, groups: Groups) -> None:
    """File the stereoisomers of a sound molecule under their size, rings and InChIKey."""
    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None or molecule.GetNumHeavyAtoms() > MAX_HEAVY:
        return
    if any(molecule.HasSubstructMatch(pattern) for pattern in _UNLIKELY):
        return
    if any(atom.GetNumRadicalElectrons() for atom in molecule.GetAtoms()):
        return
    group = groups[molecule.GetNumHeavyAtoms(), molecule.GetRingInfo().NumRings()]
    options = StereoEnumerationOptions(unique=True, maxIsomers=4)
    for isomer in EnumerateStereoisomers(molecule, options=options):
        key = Chem.MolToInchiKey(isomer)
        if key:
            group.setdefault(key, Chem.MolToSmiles(isomer))

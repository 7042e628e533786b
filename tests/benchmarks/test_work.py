"""Predicted over measured seconds of solid harmonic features: what the weights of `Work` are worth.

The prediction is the count of operations times the weights, at the speed of this machine's matrix
product. The settings are other than those that the weights were fitted to; within a factor of 2 is
what `estimated_seconds` promises.
"""

from ase.build import molecule
from side_by_side import fastest

from appkit.energy import JointSolidHarmonic, SolidHarmonicScattering
from appkit.energy.cost import estimated_seconds, operations_per_second
from appkit.scattering.threads import one_thread

SETTINGS = {
    "usual": (SolidHarmonicScattering, {}),
    "first order": (SolidHarmonicScattering, {"order": 1}),
    "finer": (SolidHarmonicScattering, {"tolerance": 2e-4}),
    "more scales and degrees": (SolidHarmonicScattering, {"J": 3, "L": 4}),
    "joint moments": (JointSolidHarmonic, {}),
}
MOLECULES = ("H2O", "C6H6", "CH3CH2OH")


@one_thread()
def test_predicted_over_measured(capsys, pytestconfig):
    measured = pytestconfig.getoption("benchmark_enable")
    for name, (kind, given) in SETTINGS.items():
        ratios = []
        for formula in MOLECULES if measured else MOLECULES[:1]:
            atoms = [molecule(formula)]
            dictionary = kind(**given).fit(atoms)
            operations_per_second.cache_clear()  # the machine may be busier than before
            predicted = estimated_seconds(dictionary, atoms)
            assert predicted > 0
            if measured:
                call = {"": lambda: dictionary.transform(atoms)}  # noqa: B023 (called here)
                ratios.append(predicted / fastest(call, 3)[""])
        if measured:
            told = ", ".join(f"{f} {r:.2f}" for f, r in zip(MOLECULES, ratios, strict=True))
            with capsys.disabled():
                print(f"\npredicted / measured seconds, {name}: {told}", end="")

"""The pages, in the order of the menu. A new page is a class here and nothing else."""

from appkit.dashboards.page import AppPage
from appkit.dashboards.pages.density import DensityPage
from appkit.dashboards.pages.evidence import EvidencePage
from appkit.dashboards.pages.forces import ForcesPage
from appkit.dashboards.pages.home import Home
from appkit.dashboards.pages.regression import RegressionPage
from appkit.dashboards.pages.solid import SolidPage

PAGES: list[type[AppPage]] = [
    Home,
    DensityPage,
    SolidPage,
    RegressionPage,
    ForcesPage,
    EvidencePage,
]

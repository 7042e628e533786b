from appkit.dashboards.components import card, hint
from appkit.dashboards.page import AppPage


class Home(AppPage):
    slug = "home"
    title = "Start"
    icon = "home"
    sentence = "x"

    def view(self):
        return card("Hello", hint("hi"))

"""How long the model runs: the form that every run of the tests has, and the full one of `make torture`."""

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.spend.model.books import Opening
from tests.spend.model.machine import Machine
from tests.spend.model.process import Making

SHORT = settings(
    max_examples=300,
    stateful_step_count=50,
    derandomize=True,
    database=None,
    deadline=None,
    report_multiple_bugs=False,
    # A violation is shrunk by the full form, or by adding Phase.shrink here.
    phases=(Phase.generate,),
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
)
LONG = settings(SHORT, max_examples=10, stateful_step_count=150)
"""A taste of the full form."""
FULL = settings(LONG, max_examples=200, derandomize=False, phases=(Phase.generate, Phase.shrink))
"""A part of the full form, with schedules of its own each time."""
FULL_PARTS = 8


def run(opening: Opening, form: settings, making: Making | None = None) -> None:
    """Runs schedules in worlds of their own. Raises the violation of the shortest one that was found."""

    class Fresh(Machine):
        def __init__(self) -> None:
            super().__init__(opening, making or Making())

    run_state_machine_as_test(Fresh, settings=form)

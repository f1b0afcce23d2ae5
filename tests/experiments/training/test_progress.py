import io

from experiments.training.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def show(stream):
    with Progress(4, stream=stream) as progress:
        for step in range(1, 5):
            progress.update(step, {"loss": 1.0 / step, "worst_class_accuracy": step / 4})
        progress.say("validation accuracy 0.5")
    return stream.getvalue()


def test_plain_lines_where_there_is_no_terminal():
    lines = show(io.StringIO()).splitlines()
    assert lines[0] == "step 1/4  loss 1.0000  worst class accuracy 0.250"
    assert lines[-1] == "validation accuracy 0.5"
    assert not any("\r" in line for line in lines)


def test_lines_say_the_speed_but_for_the_first(monkeypatch):
    monkeypatch.setattr("experiments.training.progress._SECONDS_BETWEEN_LINES", 0.0)
    first, *others, _ = show(io.StringIO()).splitlines()
    assert "steps/s" not in first
    assert len(others) == 3
    assert all(line.endswith(" steps/s") for line in others)


def test_a_bar_in_a_terminal():
    shown = show(Terminal())
    assert "4/4" in shown
    assert "worst class accuracy 1.000" in shown
    assert "step/s" in shown
    assert "validation accuracy 0.5\n" in shown

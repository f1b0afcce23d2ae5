import dataclasses

from experiments.report.cells import ABSENT, make_cells, same_everywhere, varying_columns


def test_a_choice_stands_for_all_that_it_sets(make_run):
    runs = [
        make_run(model=model, sort=sort, seed=seed)
        for model in ("a", "b")
        for sort in ("x", "y")
        for seed in (0, 1)
    ]
    assert varying_columns(runs) == ("model", "sort")
    cells, problems = make_cells(runs, ("model", "sort"))
    assert [cell.label for cell in cells] == ["a, x", "a, y", "b, x", "b, y"]
    assert all(list(cell.runs) == ["0", "1"] for cell in cells)
    assert not problems


def test_a_key_overridden_is_a_column_even_where_a_choice_goes_with_it(make_run):
    runs = [make_run("trainer.steps=3", model="a"), make_run("trainer.steps=5", model="b")]
    assert varying_columns(runs) == ("model", "trainer.steps")
    cells, _ = make_cells(runs, ("model", "trainer.steps"))
    assert [cell.label for cell in cells] == ["a, steps=3", "b, steps=5"]


def test_a_key_that_nothing_explains_is_a_column(make_run):
    first, second = make_run(model="a"), make_run(model="a", seed=1)
    second = dataclasses.replace(second, config={**second.config, "model.k": 3})
    assert varying_columns([first, second]) == ("model.k",)
    cells, _ = make_cells([first, second], ("model.k",))
    assert [cell.values["model.k"] for cell in cells] == [ABSENT, "3"]


def test_paths_and_seeds_do_not_make_cells(make_run):
    runs = [make_run("data.directory=/a", seed=0), make_run("data.directory=/b", "trainer.resume=c", seed=1)]
    assert varying_columns(runs) == ()
    (cell,), _ = make_cells(runs, ())
    assert cell.label == "all runs"
    assert same_everywhere(runs) == []


def test_what_is_the_same_everywhere_is_told_once(make_run):
    runs = [make_run("trainer.steps=3", model=model, data="digits") for model in ("a", "b")]
    assert same_everywhere(runs) == ["data=digits", "trainer.steps=3"]


def test_the_last_finished_of_equal_runs_counts(make_run):
    runs = [make_run(model="a", summary=summary) for summary in ({"n": 1}, {"n": 2}, None)]
    runs = [dataclasses.replace(run, name=str(i)) for i, run in enumerate(runs)]
    (cell,), problems = make_cells(runs, ("model",))
    assert [run.name for run in cell.runs.values()] == ["1"]
    assert [(p.where, p.what) for p in problems] == [
        ("2", "left out: 0 has the same settings and seed, and has finished"),
        ("0", "left out: 1 has the same settings and seed, and is later"),
    ]

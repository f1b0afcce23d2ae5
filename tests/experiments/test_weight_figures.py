from experiments.weight_figures import BETWEEN_SAMPLES, STATISTICS, draw_weights


def test_every_op_gets_a_figure_of_its_own_and_the_same_every_time(tmp_path):
    paths = draw_weights(tmp_path)
    assert {path.stem for path in paths} == {*STATISTICS, *BETWEEN_SAMPLES}
    figures = [path.read_text() for path in paths]
    assert len(set(figures)) == len(figures)
    assert [path.read_text() for path in draw_weights(tmp_path)] == figures

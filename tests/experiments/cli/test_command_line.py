"""Every way to mistype a command line, and what becomes of it."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest
from hydra.core.config_store import ConfigStore
from hydra.errors import InstantiationException
from omegaconf import DictConfig

from experiments import cli
from experiments.cli.failures import MISTAKE, Failure, JobError
from experiments.cli.wording import nearest
from experiments.errors import UserError
from tests.experiments.cli.conftest import Invoke


@dataclass
class Typed:
    steps: int = 1


MODELS = "(choices: attention, dgcnn, sortpool)"

MISTAKES = [
    # A choice.
    ("model=sortpol", f"model=sortpol: no such choice; did you mean sortpool? {MODELS}"),
    ("model=maxpol", f"model=maxpol: no such choice {MODELS}"),
    ("model=", f"model=: no such choice {MODELS}"),
    ("model=3", f"model=3: no such choice {MODELS}"),
    ("model=null", "model=null: not a choice; write ~model to leave it out"),
    ("model=???", f"model: not chosen; write model=... {MODELS}"),
    ("hydra/launcher=basik", "hydra/launcher=basik: no such choice; did you mean basic? *"),
    # A group.
    ("modle=sortpool", "modle: no such key; did you mean model?"),
    ("pool=sortpool", "pool: no such key; did you mean model=sortpool?"),
    ("hydra/luncher=basic", "hydra/luncher: no such key; did you mean hydra/launcher?"),
    (
        "experiment=smoke",
        "experiment=smoke: experiment is not chosen by default; write +experiment=smoke",
    ),
    (
        "+experiment=smoek",
        "+experiment=smoek: no such choice; did you mean smoke? (choices: seeds, smoke, stale)",
    ),
    ("+experimnt=smoke", "experimnt: no such key; did you mean +experiment?"),
    (
        "+experiment=stale",
        f"+experiment=stale: model=sortpol: no such choice; did you mean sortpool? {MODELS}",
    ),
    ("+model=sortpool", "+model=sortpool: model is chosen already; write model=sortpool"),
    ("++model=sortpool", "++model=sortpool: model is chosen already; write model=sortpool"),
    ("~experiment", "~experiment: experiment is not chosen, so it cannot be left out"),
    ("+broken=yaml", "+broken=yaml: *yaml.yaml, line 1: not valid YAML: mapping values are not *"),
    # A key.
    ("trainer.stpes=3", "trainer.stpes: no such key; did you mean trainer.steps?"),
    ("+trainer.stpes=3", "trainer.stpes: no such key; did you mean trainer.steps?"),
    ("++trainer.stpes=3", "trainer.stpes: no such key; did you mean trainer.steps?"),
    ("~trainer.stpes", "trainer.stpes: no such key; did you mean trainer.steps?"),
    ("trainer={stpes: 3}", "trainer.stpes: no such key; did you mean trainer.steps?"),
    ("+trainer={stpes: 3}", "trainer.stpes: no such key; did you mean trainer.steps?"),
    ("stpes=3", "stpes: no such key; did you mean trainer.steps?"),
    ("lr=0.1", "lr: no such key; did you mean optimizer.learning_rate?"),
    ("trainer.seed=3", "trainer.seed: no such key; did you mean seed?"),
    ("model/k=3", "model/k: no such key; did you mean model.k?"),
    ("model=sortpool model.k=3", "model.k: no such key (keys of model: name)"),
    ("model.widths.5=3", "model.widths.5: no such key (keys of model: name, k, widths)"),
    ("xyz=3", "xyz: no such key (keys: model, sort, optimizer, trainer, seed, shuffle, *)"),
    ("xyz@model=3", "xyz: no such key (keys: model, sort, optimizer, trainer, seed, shuffle, *)"),
    ("hydra.rnu.dir=x", "hydra.rnu.dir: no such key; did you mean hydra.run.dir?"),
    ("+seed=3", "+seed=3: this key exists; write seed=3"),
    ("notes.a=3", "notes.a=3: a new key of an open section takes a plus; write +notes.a=3"),
    # A value.
    ("seed=abc", "seed=abc: seed takes a whole number; write seed=0"),
    ("seed=1.5", "seed=1.5: seed takes a whole number; write seed=0"),
    ("seed=true", "seed=true: seed takes a whole number; write seed=0"),
    (
        "trainer.steps=1e4",
        "trainer.steps=1e4: trainer.steps takes a whole number; write trainer.steps=10000",
    ),
    (
        "optimizer.learning_rate=fast",
        "optimizer.learning_rate=fast: optimizer.learning_rate takes a number; "
        "write optimizer.learning_rate=0.001",
    ),
    (
        "shuffle=no",
        "shuffle=no: shuffle takes true or false; write shuffle=true or shuffle=false",
    ),
    (
        "model.widths=64",
        "model.widths=64: model.widths takes a list; write 'model.widths=[32,32]'",
    ),
    (
        "hydra.run=x",
        "hydra.run=x: *",
    ),
    ("hydra.mode=FAST", "hydra.mode=FAST: Invalid value 'FAST', expected one of [RUN, MULTIRUN]"),
    ("hydra.job.env_copy=[NO_SUCH]", "hydra.job.env_copy=[NO_SUCH]: KeyError: 'NO_SUCH'"),
    ("hydra.job.chdir=abc", "hydra.job.chdir=abc: Value 'abc' is not a valid bool (type str)"),
    ("seed=${modle.name}", "seed=${modle.name}: *'modle.name' not found; did you mean model.name?"),
    ("name=${oc.env:NO_SUCH}", "name=${oc.env:NO_SUCH}: *'NO_SUCH' not found*"),
    ("name=${no_such:}", "name=${no_such:}: Unsupported interpolation type no_such"),
    ("trainer=resumed", "trainer.checkpoint: no value; write trainer.checkpoint=VALUE"),
    # A sweep that is none.
    (
        "seed=1,2",
        "seed=1,2: several values; put -m first to run a job for each, or write 'seed=[1,2]' for a list",
    ),
    (
        "model=dgcnn,sortpool",
        "model=dgcnn,sortpool: several values; put -m first to run a job for each",
    ),
    ("seed=range(3)", "seed=range(3): several values; put -m first to run a job for each"),
    # The grammar.
    ("seed", "seed: no value; write seed=VALUE"),
    ("seed=", "seed=: no value; write seed=0"),
    ("sortpool", "sortpool: not a setting; did you mean model=sortpool?"),
    ("=3", "=3: no key; write key=value"),
    ("/model=sortpool", "/model=sortpool: not a setting; write key=value"),
    ("model.=3", "model.=3: not a setting; write key=value"),
    ("model=[", "model=[: a bracket is not closed, or should be in quotes"),
    ("name='a", "name='a: a quote is not closed"),
    ("name==a", "name==a: special characters take quotes; write 'name=\"=a\"'"),
    ("seed=int(a)", "seed=int(a): invalid literal for int() with base 10: 'a'"),
    ("seed=once(1)", "seed=once(1): Unknown function 'once'"),
    # A flag.
    ("--seed=3", "--seed=3: settings take no dashes; write seed=3"),
    ("--seed 3", "--seed: no such flag; a setting takes no dashes, as in seed=VALUE"),
    ("--multrun seed=1,2", "--multrun: no such flag; did you mean --multirun?"),
    ("name=a -m seed=1,2", "seed=1,2: settings on both sides of a flag; write the flags first"),
    ("--cfg jbo", "argument --cfg/-c: invalid choice: 'jbo' (choose from *"),
    ("--cfg", "argument --cfg/-c: expected one argument"),
    ("--cfg job --package modle", "--package modle: no such key; did you mean model?"),
    ("--cfg job model=maxpol", f"model=maxpol: no such choice {MODELS}"),
    ("--help model=maxpol", f"model=maxpol: no such choice {MODELS}"),
    ("--info config model=maxpol", f"model=maxpol: no such choice {MODELS}"),
    ("--resolve", "The --resolve flag can only be used in conjunction with --cfg or --help"),
    ("-m --cfg job", "Only one of --run, --multirun, --cfg, --info and *"),
    ("-sc", "Expecting one subcommand from ['install', 'uninstall', 'query'] to be set"),
    ("--config-dir no/such", "--config-dir no/such: no such directory"),
    ("--config-name no_such", "Cannot find primary config 'no_such'. Check that *"),
    ("--config-path /no/such", "Primary config directory not found. Check that *'/no/such'*"),
    # A directory.
    (
        "hydra.run.dir=configs/train.yaml",
        "hydra.run.dir=configs/train.yaml: */configs/train.yaml is not a directory; "
        "write hydra.run.dir=ANOTHER_DIRECTORY",
    ),
    (
        "hydra.run.dir=configs/train.yaml/x",
        "hydra.run.dir=configs/train.yaml/x: */configs/train.yaml is not a directory; *",
    ),
    ("hydra.run.dir=${no.such}/x", "hydra.run.dir: Interpolation key 'no.such' not found"),
    # A sweep.
    ("-m model=sortpool,maxpol", f"model=maxpol: no such choice {MODELS}"),
    ("-m model=dgcnn,sortpool model.k=3", "model.k: no such key (keys of model: name)"),
    ("-m seed=1,2 stpes=3,4", "stpes: no such key; did you mean trainer.steps?"),
    ("-m model=glob(x*)", "model=glob(x*): no values, so no jobs; name at least one"),
    ("-m seed=1,abc", "seed=abc: seed takes a whole number; write seed=0"),
    ("-m model=maxpol seed=1,2", f"model=maxpol: no such choice {MODELS}"),
    ("-m trainer=default,resumed", "trainer.checkpoint: no value; write *"),
    ("-m seed=interval(0,1)", "seed=interval(0,1): a sweep lists its values, as in seed=1,2,3"),
    (
        "-m hydra.verbose=true,false",
        "hydra.verbose=true,false: Hydra's own settings take one value in a sweep",
    ),
    ("-m hydra.sweep.dir=configs/train.yaml", "hydra.sweep.dir=configs/train.yaml: *"),
    ("-m hydra/launcher=slurm seed=1,2", "hydra/launcher=slurm: no SLURM on this machine (no srun); *"),
    ("hydra.mode=MULTIRUN seed=1,abc", "seed=abc: seed takes a whole number; write seed=0"),
]


def split(typed: str) -> list[str]:
    """Arguments, as a shell splits them; blanks within braces do not count."""
    return [typed] if "{" in typed else typed.split(" ")


@pytest.mark.parametrize(("typed", "told"), MISTAKES, ids=[typed for typed, _ in MISTAKES])
def test_a_mistake_is_one_line_and_costs_nothing(invoke: Invoke, typed: str, told: str) -> None:
    ran: list[DictConfig] = []
    outcome = invoke(*split(typed), task=ran.append)
    assert outcome.err.count("\n") == 1
    assert matches(outcome.err.removesuffix("\n"), f"error: {told}")
    assert outcome.status == 2
    assert outcome.out == ""
    assert not ran
    assert os.listdir() == ["configs"], "a mistake left something behind"


def matches(text: str, pattern: str) -> bool:
    """Whether the text is the pattern, in which only ``*`` is special."""
    position = 0
    first, *others = pattern.split("*")
    if not text.startswith(first):
        return False
    position = len(first)
    for part in others:
        found = text.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return position == len(text) or pattern.endswith("*")


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "model=sortpool sort=builtin seed=3",
        "+experiment=smoke seed=3",
        "trainer=resumed trainer.checkpoint=x",
        "model.widths=[] model.k=null",
        "model.widths.0=64",
        "optimizer.learning_rate=1 name=3",
        "seed=${trainer.steps}",
        "+notes.a=3 +notes.b.c=4",
        "trainer={steps: 3}",
        "~shuffle",
        "+hydra.job.env_set.SOMETHING=1",
        "hydra.run.dir=a/b/c",
        "hydra.run.dir=${name}",
        "-m seed=1,2 model=glob(*)",
        "-m seed=1,2 seed=3",
        "-m hydra/sweeper=other seed=1,2",
    ],
)
def test_what_is_right_runs(invoke: Invoke, typed: str) -> None:
    ran: list[DictConfig] = []
    outcome = invoke(*split(typed) if typed else [], task=ran.append)
    assert (outcome.status, outcome.err) == (0, "")
    assert ran


def test_the_task_sees_the_config(invoke: Invoke) -> None:
    seen: list[DictConfig] = []
    invoke("+experiment=smoke", "seed=3", task=seen.append)
    (config,) = seen
    assert (config.name, config.trainer.steps, config.seed) == ("sortpool", 3, 3)
    assert "hydra" not in config


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("--help", "== Configuration groups =="),
        ("--hydra-help", "== Flags =="),
        ("--version", "Hydra 1."),
        ("--cfg job", "seed: 0"),
        ("--cfg job model=sortpool", "name: sortpool"),
        ("--cfg job --resolve --package model", "name: dgcnn"),
        ("--cfg hydra --package hydra.run", "dir: outputs/"),
        ("--cfg job trainer=resumed", "checkpoint: ???"),
        ("--info defaults-tree", "model: dgcnn"),
        ("-sc query=bash", "model="),
    ],
)
def test_flags_do_as_in_hydra(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, typed: str, shown: str
) -> None:
    monkeypatch.setenv("COMP_LINE", "python train.py mod")
    monkeypatch.setenv("COMP_POINT", "19")
    outcome = invoke(*split(typed))
    assert (outcome.status, outcome.err) == (0, "")
    assert shown in outcome.out
    assert os.listdir() == ["configs"]


EXPERIMENTS = [
    ("trainer: {stpes: 3}", "trainer.stpes: no such key; did you mean trainer.steps?"),
    ("trianer: {steps: 3}", "trianer: no such key; did you mean trainer?"),
    ("xyz: 3", "xyz: no such key (keys: model, sort, optimizer, trainer, *)"),
    ("model: {xyz: 3}", "model.xyz: no such key (keys of model: name, k, widths)"),
    (
        "defaults: [override /model: sortpool]\nmodel: {k: 3}",
        "model.k: no such key (keys of model: name)",
    ),
    ("trainer: {steps: many}", "trainer.steps: 'many', but it takes a whole number"),
    ("model: {widths: 32}", "model.widths: 32, but it takes a list"),
    ("trainer: 3", "trainer: 3, but it takes no value, being a section"),
]


@pytest.mark.parametrize(("text", "told"), EXPERIMENTS, ids=[text for text, _ in EXPERIMENTS])
def test_a_mistake_in_an_experiment_is_told(invoke: Invoke, configs: Path, text: str, told: str) -> None:
    (configs / "experiment" / "mine.yaml").write_text(f"# @package _global_\n{text}\n")
    outcome = invoke("+experiment=mine")
    assert outcome.status == 2
    assert matches(outcome.err.removesuffix("\n"), f"error: experiment=mine: {told}")
    assert os.listdir() == ["configs"]


@pytest.mark.parametrize(
    "text",
    [
        "trainer: {steps: 3}\nmodel: {widths: [1, 2, 3], k: null}\noptimizer: {learning_rate: 1}",
        "notes: {a: {b: 3}}",
        "defaults: [override /model: sortpool, override /hydra/launcher: process]\nseed: ${trainer.steps}",
        "defaults: [/broken@notes.second: fine]\nhydra: {job: {env_set: {SOMETHING: '1'}}}",
    ],
)
def test_an_experiment_sets_what_is_declared(invoke: Invoke, configs: Path, text: str) -> None:
    (configs / "broken" / "fine.yaml").write_text("c: 3")
    (configs / "experiment" / "mine.yaml").write_text(f"# @package _global_\n{text}\n")
    outcome = invoke("+experiment=mine")
    assert (outcome.status, outcome.err) == (0, "")


def test_more_configs_from_the_command_line(invoke: Invoke, configs: Path) -> None:
    (configs.parent / "more" / "model").mkdir(parents=True)
    (configs.parent / "more" / "model" / "mine.yaml").write_text("name: mine")
    seen: list[DictConfig] = []
    assert invoke("--config-dir", "more", "model=mine", task=seen.append).status == 0
    assert seen[0].name == "mine"
    told = invoke("--config-dir", "more", "model=mien").err
    assert told.startswith("error: model=mien: no such choice; did you mean mine?")
    assert invoke("--config-path", str(configs), "seed=1").status == 0


def test_a_group_without_default_must_be_chosen(invoke: Invoke) -> None:
    assert invoke(config="unchosen").err == f"error: model: not chosen; write model=... {MODELS}\n"
    assert invoke("model=dgcnn", config="unchosen").status == 0
    assert invoke("-m", "model=dgcnn,sortpool", config="unchosen").status == 0


def test_a_config_may_sweep_by_itself(invoke: Invoke) -> None:
    seen: list[DictConfig] = []
    outcome = invoke("seed=1,3", config="swept", task=seen.append)
    assert (outcome.status, outcome.err) == (0, "")
    assert [(config.name, config.seed) for config in seen] == [
        ("sortpool", 1),
        ("sortpool", 3),
        ("dgcnn", 1),
        ("dgcnn", 3),
    ]
    told = "error: model.k: no such key (keys of model: name)\n"
    assert invoke("model.k=3", config="swept").err == told


def test_a_structured_config_checks_types(invoke: Invoke) -> None:
    ConfigStore.instance().store(name="typed_schema", node=Typed)
    outcome = invoke("steps=many", config="typed")
    told = "error: steps=many: Value 'many' of type 'str' could not be converted to Integer\n"
    assert (outcome.err, outcome.status) == (told, 2)
    assert invoke("steps=5", config="typed").status == 0


def test_a_broken_main_config_is_told(invoke: Invoke, configs: Path) -> None:
    (configs / "train.yaml").write_text("seed: [")
    outcome = invoke("model=sortpool")
    assert outcome.err.startswith(f"error: {configs}/train.yaml, line 1: not valid YAML")
    assert (outcome.err.count("\n"), outcome.status) == (1, 2)


def mistaken(config: DictConfig) -> float:
    if config.seed == 13:
        raise UserError("thirteen is unlucky;\n take another seed")
    if config.seed == 14:
        raise RuntimeError("boom")
    if config.seed == 15:
        raise KeyboardInterrupt
    return 0.0


def test_the_task_may_tell_of_a_mistake(invoke: Invoke) -> None:
    outcome = invoke("seed=13", task=mistaken)
    assert outcome.err == "error: thirteen is unlucky; take another seed\n"
    assert outcome.status == 2


def test_a_mistake_shows_through_instantiation(invoke: Invoke) -> None:
    def task(_: DictConfig) -> None:
        raise InstantiationException("Error in call to target") from UserError("too wide")

    assert invoke(task=task).err == "error: too wide\n"


def test_a_bug_keeps_its_traceback(invoke: Invoke) -> None:
    outcome = invoke("seed=14", task=mistaken)
    assert outcome.err.startswith("Traceback")
    assert outcome.err.endswith("RuntimeError: boom\n")
    assert str(Path(cli.__file__).parent) not in outcome.err
    assert outcome.status == 1


@pytest.mark.parametrize("error", [OSError("disk"), ValueError("shape"), KeyError("k")])
def test_a_bug_is_not_taken_for_a_mistake(invoke: Invoke, error: Exception) -> None:
    def task(_: DictConfig) -> None:
        raise error

    outcome = invoke(task=task)
    assert outcome.status == 1
    assert "Traceback" in outcome.err


@pytest.mark.parametrize("typed", ["seed=15", "-m seed=1,15"])
def test_an_interrupt_is_a_short_line(invoke: Invoke, typed: str) -> None:
    outcome = invoke(*split(typed), task=mistaken)
    assert (outcome.err, outcome.status) == ("interrupted\n", 130)


def test_a_failed_job_leaves_the_others_running(invoke: Invoke) -> None:
    ran: list[int] = []

    def task(config: DictConfig) -> None:
        ran.append(config.seed)
        mistaken(config)

    outcome = invoke("-m", "seed=1,13,2,14,3", "model=sortpool", task=task)
    assert ran == [1, 13, 2, 14, 3]
    assert outcome.err.splitlines()[-2:] == [
        "error: seed=13 model=sortpool: thirteen is unlucky; take another seed",
        "error: seed=14 model=sortpool: RuntimeError: boom",
    ]
    assert outcome.err.count("Traceback") == 1
    assert outcome.status == 1


def test_a_sweep_of_mistakes_has_no_traceback(invoke: Invoke) -> None:
    outcome = invoke("-m", "seed=1,13", task=mistaken)
    assert outcome.err == "error: seed=13: thirteen is unlucky; take another seed\n"
    assert outcome.status == 2
    # The reason is also told at once, and kept beside the job's other output.
    assert "seed=13: thirteen" in outcome.out
    (log,) = (path for path in Path("multirun").rglob("1/*.log"))
    assert "seed=13: thirteen" in log.read_text()


def test_a_sweeper_that_needs_results_learns_of_a_failure(invoke: Invoke) -> None:
    outcome = invoke("-m", "hydra/sweeper=other", "seed=13,14", task=mistaken)
    assert outcome.err.splitlines()[-2:] == [
        "error: seed=13: thirteen is unlucky; take another seed",
        "error: seed=14: RuntimeError: boom",
    ]
    assert outcome.status == 1


def test_a_failure_comes_back_from_another_process() -> None:
    error = JobError(Failure("unlucky", MISTAKE, job="seed=13"))
    assert pickle.loads(pickle.dumps(error)).failure == error.failure  # noqa: S301


def test_full_errors_on_request(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    for typed in ("model=maxpol", "model=[", "seed=13", "seed=14"):
        outcome = invoke(typed, task=mistaken)
        assert "Traceback" in outcome.err, typed
        assert outcome.status == (1 if typed == "seed=14" else 2)


@pytest.mark.parametrize("value", [None, "0", "1"])
def test_the_task_finds_its_environment_unchanged(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    if value is not None:
        monkeypatch.setenv("HYDRA_FULL_ERROR", value)
    seen: list[str | None] = []
    invoke(task=lambda _: seen.append(os.environ.get("HYDRA_FULL_ERROR")))
    assert seen == [value]
    assert os.environ.get("HYDRA_FULL_ERROR") == value


def test_a_script_needs_one_call(configs: Path) -> None:
    script = configs.parent / "train.py"
    script.write_text(
        textwrap.dedent(
            """
            from pathlib import Path
            from experiments.cli import run

            def train(config):
                print(config.model.name)

            if __name__ == "__main__":
                run(train, config_dir=Path(__file__).parent / "configs", config_name="train")
            """
        )
    )
    root = Path(cli.__file__).parents[2]

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(script), *arguments],
            cwd=configs.parent,
            env={**os.environ, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=False,
        )

    good, bad = call("model=sortpool", "hydra.run.dir=output"), call("model=sortpol")
    assert (good.stdout, good.stderr, good.returncode) == ("sortpool\n", "", 0)
    assert (configs.parent / "output" / "train.log").exists()
    assert (bad.stdout, bad.returncode) == ("", 2)
    assert bad.stderr.startswith("error: model=sortpol: no such choice; did you mean sortpool?")


@pytest.mark.parametrize(
    ("typed", "known", "meant"),
    [
        ("steps", ["step", "steps"], "steps"),
        ("batch", ["trainer.batch_size", "model.depth"], "trainer.batch_size"),
        ("LR", ["optimizer.learning_rate"], "optimizer.learning_rate"),
        ("trainer.batch-size", ["trainer.batch_size"], "trainer.batch_size"),
        ("a", ["b"], None),
        ("a", [], None),
    ],
)
def test_nearest(typed: str, known: list[str], meant: str | None) -> None:
    assert nearest(typed, known) == meant

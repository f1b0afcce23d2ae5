"""What building does besides packing files: compiling the kernel, and making the README's links absolute."""

import runpy
import sysconfig
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface


class NativeKernel(BuildHookInterface):
    """The build hook. Without a compiler the wheel is pure Python, and just as good, but slower."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Returns what the build needs: XLA's headers, which come with jaxlib.

        The oldest that is supported: what is compiled for it runs with newer ones too, not the other way
        round.
        """
        build = _load(self.root, "diffsort/engines/native/build.py")
        try:
            build.find_compiler()
        except build.BuildError:
            return []
        supported = next(d for d in self.metadata.core.dependencies if d.startswith("jaxlib"))
        return ["jaxlib==0.9.0; python_version < '3.15'", f"{supported}; python_version >= '3.15'"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compiles the kernel into the source tree, from where it is packed or, if editable, used."""
        del version
        if self.target_name != "wheel":
            return
        why_not = _load(self.root, "diffsort/engines/native/build.py").build_or_say_why()
        if why_not:
            self.app.display_warning(f"diffsort goes without its native kernel: {why_not}")
        else:
            build_data["pure_python"] = False
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"py3-none-{platform}"  # the kernel knows nothing of Python


class ReadmeForPackageIndex(MetadataHookInterface):
    """The metadata hook. From a source distribution, whose metadata have it all, nothing changes."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Adds the README and, where the repository is known, its addresses."""
        readme = _load(self.root, "hatch_readme.py")
        repository = readme.find_repository(self.root)
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        text = readme.for_package_index(text, repository)
        metadata.setdefault("readme", {"content-type": "text/markdown", "text": text})
        metadata.setdefault("urls", repository.urls() if repository else {})


def _load(root: str, path: str) -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(Path(root) / path)))

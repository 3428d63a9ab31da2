"""The notebook in docs/ runs from its first cell to its last."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest


def test_the_notebook_executes(repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbclient
    import nbformat
    from jupyter_client import kernelspec as specs
    from jupyter_client import manager

    monkeypatch.setenv("PYTHONPATH", str(repo_root))
    notebook = nbformat.read(repo_root / "docs" / "notebook.ipynb", as_version=4)
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code"), "committed with outputs"
    kernels = specs.KernelSpecManager(kernel_dirs=[])
    kernel = manager.AsyncKernelManager(kernel_spec_manager=kernels)
    kernel._kernel_spec = specs.KernelSpec(
        argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], language="python"
    )
    client = nbclient.NotebookClient(notebook, timeout=240, km=kernel, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    printed = [out for cell in notebook.cells if cell.cell_type == "code" for out in cell.outputs]
    assert not any(out.output_type == "error" for out in printed)
    assert (tmp_path / "board" / "README.md").exists()
    text = "".join(out.get("text", "") + str(out.get("data", {}).get("text/plain", "")) for out in printed)
    for shown in ("glnn", " ms", "features", "p0", "karate"):
        assert shown in text

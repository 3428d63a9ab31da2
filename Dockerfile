# The suite and Ray in one image: for KubeRay, Apptainer, Singularity and pyxis (docs/clusters.md).
#   docker build --tag distillery:0.1 .
#   docker build --tag distillery:0.1-cpu --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cpu .
# Without TORCH_INDEX PyTorch is PyPI's, which for Linux on x86-64 is built for CUDA.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim-bookworm AS wheel
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:${PYTHON}-slim-bookworm
ARG TORCH_INDEX=https://pypi.org/simple
ARG EXTRAS=mlflow,postgresql,tensorboard,wandb
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# procps, wget: for KubeRay's probes and Ray's own commands. Their versions are Debian's: nothing depends on them.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates procps wget \
 && rm -rf /var/lib/apt/lists/*
COPY requirements.lock /tmp/requirements.lock
# ray[default]: the dashboard's agent and `ray job`, by which KubeRay starts the driver; versions are the lock file's.
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    wheel=$(echo /wheels/graph_distillery-*.whl) \
 && ray=$(grep --max-count=1 '^ray==' /tmp/requirements.lock) \
 && pip install --no-cache-dir --constraint /tmp/requirements.lock --extra-index-url "$TORCH_INDEX" \
      "${wheel}[${EXTRAS}]" "${ray/ray==/ray[default]==}" \
 && rm /tmp/requirements.lock \
 && distillery --version && ray --version

# Pods that write to a claim as this user need `securityContext: {fsGroup: 1000}` in the cluster file's `pod`.
RUN useradd --create-home --uid 1000 ray
USER 1000
WORKDIR /home/ray
ENV OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 RAY_USAGE_STATS_ENABLED=0
CMD ["distillery", "--help"]

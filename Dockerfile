# voicechat in a container; docs/deployment.md says how to build and run it.
#
#   docker build --tag voicechat .                                   everything but torch
#   docker build --target cuda --tag voicechat:cuda .                with the voices that want a GPU
#   docker build --target serverless --tag voicechat:serverless .    the worker of a RunPod endpoint
#
# Every dependency comes as a wheel: nothing is compiled and no Debian package is added. No model is inside.
# pocketsphinx has wheels for linux/amd64 alone: elsewhere docker build --platform linux/amd64. BuildKit: Docker 23.
#
# Versions of packages are those that pyproject.toml allows.
# hadolint global ignore=DL3013

FROM python:3.12-slim-bookworm AS wheel
WORKDIR /source
COPY pyproject.toml README.md ./
COPY backend backend
COPY boson_multimodal boson_multimodal
COPY frontend frontend
RUN --mount=type=cache,target=/root/.cache/pip \
    pip wheel --no-deps --wheel-dir /wheels .

# The dependencies, which come with an empty project of the same name: a layer that is made anew only with
# pyproject.toml. Most of it is never imported; what a start does import is compiled once the project is there.
FROM python:3.12-slim-bookworm AS cpu-packages
WORKDIR /source
COPY pyproject.toml ./
ARG EXTRAS=postgres
RUN --mount=type=cache,target=/root/.cache/pip \
    touch README.md && \
    python -m venv --without-pip /venv && \
    pip --python /venv/bin/python install --no-compile --only-binary=:all: ".${EXTRAS:+[$EXTRAS]}"

FROM cpu-packages AS gpu-packages
ARG CUDA_EXTRAS=higgs,step-audio2
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /venv/bin/python install --no-compile --only-binary=:all: ".[$CUDA_EXTRAS]"

# faster-whisper looks for cuBLAS 12 whatever torch brings, under LD_LIBRARY_PATH.
FROM gpu-packages AS cuda-packages
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /venv/bin/python install --no-compile --only-binary=:all: nvidia-cublas-cu12 && \
    ln -s /venv/lib/python3*/site-packages/nvidia/cublas/lib /venv/lib/cublas12 && \
    test -e /venv/lib/cublas12/libcublas.so.12

# A worker starts as fast as its image is small. It listens to nobody, compiles no kernels and has one GPU: what does
# these things goes.
FROM gpu-packages AS serverless-packages
ARG SERVERLESS_EXTRAS=serverless
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /venv/bin/python install --no-compile --only-binary=:all: ".[$SERVERLESS_EXTRAS]" && \
    pip --python /venv/bin/python uninstall --yes ctranslate2 faster-whisper pocketsphinx triton && \
    find /venv/lib -name 'libnvshmem_device*.bc' -delete && \
    find /venv/lib -name 'libcusolverMg.so.*' -delete && \
    find /venv/lib -path '*/torch/include/*' -delete

FROM python:3.12-slim-bookworm AS runtime
LABEL org.opencontainers.image.title="voicechat" \
      org.opencontainers.image.description="Talk with a cast: several characters answer, each in its own voice."
RUN useradd --uid 10001 --user-group --home-dir /cache --no-create-home --shell /usr/sbin/nologin voicechat && \
    mkdir /data /cache && \
    chown voicechat:voicechat /data /cache
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONSAFEPATH=1 \
    XDG_CACHE_HOME=/cache \
    VOICECHAT_DATA_DIR=/data \
    VOICECHAT_HOST=0.0.0.0
# What lasts, with a voicechat.toml if there is one; and models that were fetched.
VOLUME ["/data", "/cache"]
WORKDIR /data
EXPOSE 8000
STOPSIGNAL SIGTERM
# No client that heeds proxy variables. Nothing answers before the engines are loaded: minutes, with a large model.
HEALTHCHECK --interval=15s --timeout=5s --start-period=10m --retries=3 \
    CMD ["python", "-c", "import http.client, os; server = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('VOICECHAT_PORT') or os.environ.get('PORT') or 8000), timeout=4); server.request('GET', '/health'); raise SystemExit(server.getresponse().status != 200)"]
CMD ["voicechat", "serve"]

FROM runtime AS cuda
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    LD_LIBRARY_PATH=/venv/lib/cublas12
COPY --from=cuda-packages /venv /venv
COPY --from=wheel /wheels /wheels
RUN pip --python /venv/bin/python install --no-cache-dir --no-deps --force-reinstall /wheels/*.whl && \
    python -c "import backend.serving, boson_multimodal.serve.serve_engine, boson_multimodal.tts"
USER 10001:10001

FROM runtime AS serverless
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=serverless-packages /venv /venv
COPY --from=wheel /wheels /wheels
RUN pip --python /venv/bin/python install --no-cache-dir --no-deps --force-reinstall /wheels/*.whl && \
    python -c "import backend.serverless.__main__, boson_multimodal.serve.serve_engine, boson_multimodal.tts"
USER 10001:10001
# It listens nowhere: it asks the platform for its jobs.
HEALTHCHECK NONE
CMD ["python", "-m", "backend.serverless"]

FROM runtime AS cpu
COPY --from=cpu-packages /venv /venv
COPY --from=wheel /wheels /wheels
RUN pip --python /venv/bin/python install --no-cache-dir --no-deps --force-reinstall /wheels/*.whl && \
    python -c "import backend.serving"
USER 10001:10001

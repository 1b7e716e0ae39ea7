# The command `sadpath`, for a CI that has no Python: docker build --tag sadpath .
FROM python:3.13-slim AS build
COPY requirements/demo.txt /
# pip installs from outside into the environment that is copied, and is not copied itself.
RUN python -m venv --without-pip /opt/sadpath \
 && pip --python /opt/sadpath/bin/python install --no-cache-dir --disable-pip-version-check --root-user-action ignore \
      --only-binary :all: --require-hashes -r /demo.txt
COPY sadpath /opt/sadpath/src/sadpath
RUN python -m compileall -q /opt/sadpath/src

FROM python:3.13-slim
COPY --from=build /opt/sadpath /opt/sadpath
# HOME is for the caches of libraries.
ENV PATH=/opt/sadpath/bin:$PATH PYTHONPATH=/opt/sadpath/src PYTHONUNBUFFERED=1 HOME=/tmp
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["python", "-m", "sadpath"]

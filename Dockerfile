# The engine as an image: Debian, Node 26, no development packages, a user without
# rights. `docker build -t patchcord .`; what it needs to run: docs/deployment.md.
#
# A build that is to give the same image again pins the base by its digest:
#   docker buildx imagetools inspect node:26-slim      (prints `Digest: sha256:…`)
#   docker build --build-arg NODE_IMAGE=node:26-slim@sha256:… -t patchcord .
ARG NODE_IMAGE=node:26-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /opt/patchcord
RUN chown node:node .
# Node's compile cache is kept by user id and by path: it is made by the user and
# in the folder that it will be read by.
USER node
COPY --chown=node:node package.json package-lock.json ./
# No package needs its install script: the binaries of esbuild and isolated-vm are
# inside their packages. TypeScript comes along as a peer of i18next, for types
# alone, and is a fifth of everything.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
 && rm -rf node_modules/typescript node_modules/@typescript
COPY --chown=node:node LICENSE ./
COPY --chown=node:node engine ./engine
COPY --chown=node:node scripts ./scripts
COPY --chown=node:node locales ./locales
# Imports the whole engine once: fills the cache, and fails here if a package is missing.
# Node writes the cache for its owner only, and in the image that is root.
RUN npm run postinstall && chmod -R a+rX .

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="patchcord" \
      org.opencontainers.image.description="A scriptable telephony engine" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
WORKDIR /opt/patchcord
# Root's, so that the engine cannot change what it runs, even where the root file system is writable.
COPY --from=build --chown=root:root /opt/patchcord ./
# All that is ever written: the SQLite file, `token` and `secret`. A volume belongs
# here (`-v patchcord:/opt/patchcord/data`), unless PATCHCORD_STORAGE is a Redis and
# PATCHCORD_TOKEN and PATCHCORD_SECRET are set: then nothing is written.
RUN install -d -o node -g node -m 0700 data
ENV NODE_ENV=production \
    PATCHCORD_HOST=0.0.0.0
# `node`, by number: Kubernetes' runAsNonRoot cannot look names up.
USER 1000:1000
EXPOSE 8080
STOPSIGNAL SIGTERM
# The process answers; storage is not looked at, as a restart would not mend it.
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PATCHCORD_PORT || 8080}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# What `npm start` runs. Without npm in between, the signal to stop reaches the engine itself.
CMD ["node", "--disable-sigusr1", "--max-semi-space-size=4", "--disable-warning=ExperimentalWarning", "engine/main.ts"]

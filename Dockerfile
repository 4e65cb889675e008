# The reference Raft KV and the whole command line as an image.
#
#   docker build -t raft-crucible/reference .
#   docker run --rm raft-crucible/reference --help
#
# Where there is no image registry, .ci/dockerImages makes a base image from the Node that is
# installed on the machine and builds with --build-arg BASE_IMAGE=...
ARG BASE_IMAGE=node:22-bookworm-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# No install scripts: nothing that runs in the image needs a compiled add-on. `npm install` takes
# the versions of the lock file as `npm ci` does, but does not insist on the optional packages of
# other platforms, which a lock file written on one platform may lack.
RUN npm install --ignore-scripts
COPY tsconfig.json tsconfig.build.json LICENSE ./
COPY src ./src
COPY models ./models
COPY properties ./properties
COPY chaos ./chaos
COPY reports ./reports
RUN npm run --silent build && npm prune --omit=dev --ignore-scripts

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="raft-crucible" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /opt/raft-crucible
COPY --from=build /build/package.json /build/LICENSE ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
# What requests took goes back to the system when it is freed (docs/memory.md has the figures).
ENV MALLOC_MMAP_THRESHOLD_=32768 MALLOC_TRIM_THRESHOLD_=65536
# A place that any user can write to; the container runtime puts the data of a member below /tmp.
WORKDIR /tmp
EXPOSE 2379 2380
ENTRYPOINT ["node", "/opt/raft-crucible/dist/src/cli/main.js"]
CMD ["serve", "--listen-client-urls", "http://0.0.0.0:2379", \
     "--advertise-client-urls", "http://127.0.0.1:2379"]

# docker build -t propagate .
# docker run --rm -v "$PWD":/work propagate clip.mp4 --mask first.png -o masks
FROM node:22-bookworm-slim AS package
WORKDIR /source
COPY . .
RUN npm run package -- --pack-destination /

FROM node:22-bookworm-slim
COPY --from=package /propagate-video-*.tgz /tmp/
RUN npm install --global --ignore-scripts --no-audit --no-fund /tmp/propagate-video-*.tgz \
    && rm -rf /tmp/propagate-video-*.tgz /root/.npm
# What runs leave for later runs: give it a volume to keep it.
ENV PROPAGATE_HOME=/cache
RUN mkdir --mode=1777 /cache /work
VOLUME /cache
WORKDIR /work
USER 1000
ENTRYPOINT ["propagate"]
CMD ["--help"]

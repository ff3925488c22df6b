# syntax=docker/dockerfile:1
# The image, on bases from a registry:   docker build -t lockkeeper .
# Name the bases by digest where builds must not change by themselves:   --build-arg BASE=debian@sha256:...
# Without Docker and without a registry:   ./mvnw package -DskipTests, see docs/decisions/packages.md
ARG JDK=eclipse-temurin:25-jdk
ARG BASE=debian:trixie-slim

FROM ${JDK} AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.m2 \
    ./mvnw -B -ntp -Dmaven.test.skip=true -Dspotless.check.skip=true -Dimage.skip=true package \
    && mkdir -p /out/opt /out/var/lib/lockkeeper \
    && tar -xzf target/lockkeeper-*.tar.gz -C /out/opt \
    && mv /out/opt/lockkeeper-* /out/opt/lockkeeper \
    && chmod 700 /out/var/lib/lockkeeper

FROM ${BASE}
# Times are kept: the start cache knows the jars by them.
COPY --from=build /out/opt/lockkeeper /opt/lockkeeper
COPY --from=build --chown=65532:65532 /out/var/lib/lockkeeper /var/lib/lockkeeper
ENV PATH=/opt/lockkeeper/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    LOCKKEEPER_HOST=0.0.0.0 \
    LOCKKEEPER_DATA=/var/lib/lockkeeper
USER 65532:65532
WORKDIR /var/lib/lockkeeper
VOLUME /var/lib/lockkeeper
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=8s --start-period=30s --retries=3 \
    CMD ["/opt/lockkeeper/bin/lockkeeper", "health"]
ENTRYPOINT ["/opt/lockkeeper/bin/lockkeeper"]
CMD ["serve"]

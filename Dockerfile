# The images of frame-pipeline: one target each for media-driver, norm-service, reciprocal-service,
# reader-service and console. Without access to a registry, pass bases of your own, see
# docs/operations.md.
ARG BUILD_IMAGE=maven:3.9.16-eclipse-temurin-25
ARG BASE_IMAGE=debian:13.6-slim

# A JVM of only the modules that the services use (java.xml is for the JSON library), without the
# native debug symbols that some JDKs bring along.
FROM ${BUILD_IMAGE} AS java
RUN jlink --add-modules java.base,java.logging,java.management,java.xml,jdk.incubator.vector,jdk.management,jdk.unsupported \
    --generate-cds-archive --no-header-files --no-man-pages --output /opt/java \
 && find /opt/java -name "*.debuginfo" -delete

FROM ${BUILD_IMAGE} AS build
WORKDIR /build
# What Maven downloads depends on the POMs alone, so it is a layer of its own: a build without
# sources.
COPY pom.xml ./
COPY common/pom.xml common/
COPY media-driver/pom.xml media-driver/
COPY norm-service/pom.xml norm-service/
COPY reciprocal-service/pom.xml reciprocal-service/
COPY reader-service/pom.xml reader-service/
COPY console/pom.xml console/
COPY launcher/pom.xml launcher/
COPY benchmarks/pom.xml benchmarks/
COPY system-tests/pom.xml system-tests/
COPY common/src/main/sbe common/src/main/sbe
COPY config config
ENV MODULES=media-driver,norm-service,reciprocal-service,reader-service,console
RUN mvn -q -B -ntp -DskipTests -Dspotless.check.skip -pl $MODULES -am package \
    org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies -DincludeScope=runtime -DoutputDirectory=/build/lib \
 && rm /build/lib/*-SNAPSHOT.jar
COPY . .
RUN mvn -q -B -ntp -o -DskipTests -Dspotless.check.skip -pl $MODULES -am package
# One file of JVM options. It spells the class path out, as a class data archive holds for one order
# of jars only. The images' user must read all of it, whatever umask the sources were cloned under.
RUN home=/opt/frame-pipeline \
 && mkdir -p $home \
 && cp -r lib config/driver.properties config/vector.options $home \
 && cp $(ls */target/*.jar | grep -v -e -tests.jar) $home/lib \
 && { cat config/jvm.options \
   && echo "\"-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX\"" \
   && echo "-cp $(ls $home/lib/*.jar | paste -sd:)"; } > $home/jvm.options \
 && chmod -R a+rX $home

FROM ${BASE_IMAGE} AS runtime
ENV PATH=/opt/java/bin:/usr/bin:/bin LANG=C.UTF-8
COPY --from=java /opt/java /opt/java
COPY --from=build /opt/frame-pipeline /opt/frame-pipeline
COPY --chmod=755 docker/*-healthy /opt/frame-pipeline/bin/

FROM runtime AS training
COPY docker/train /
RUN --mount=type=tmpfs,target=/tmp /train

# What the images have in common. The user needs no entry in /etc/passwd; all must be the same,
# since they share the media driver's files.
FROM runtime AS service
ARG VERSION=0.1.0-SNAPSHOT
ARG REVISION=unknown
LABEL org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION \
      org.opencontainers.image.licenses=Apache-2.0 \
      org.opencontainers.image.vendor=frame-pipeline
USER 10001:10001
ENV AERON_DIR=/dev/shm/frame-pipeline/aeron
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=500ms --retries=3 \
    CMD ["/opt/frame-pipeline/bin/service-healthy"]

FROM service AS media-driver
LABEL org.opencontainers.image.title=frame-pipeline-media-driver
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=500ms --retries=3 \
    CMD ["/opt/frame-pipeline/bin/driver-healthy"]
COPY --from=training /opt/frame-pipeline/cds/media-driver.jsa /opt/frame-pipeline/cds/
ENTRYPOINT ["java", "@/opt/frame-pipeline/jvm.options", "-XX:SharedArchiveFile=/opt/frame-pipeline/cds/media-driver.jsa", \
    "io.framepipeline.driver.DriverService", "/opt/frame-pipeline/driver.properties"]

FROM service AS console
LABEL org.opencontainers.image.title=frame-pipeline-console
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=500ms --retries=3 \
    CMD ["/opt/frame-pipeline/bin/service-healthy", "8080"]
ENTRYPOINT ["java", "@/opt/frame-pipeline/jvm.options", "io.framepipeline.console.ConsoleService"]

FROM service AS norm-service
LABEL org.opencontainers.image.title=frame-pipeline-norm-service
COPY --from=training /opt/frame-pipeline/cds/norm-service.jsa /opt/frame-pipeline/cds/
ENTRYPOINT ["java", "@/opt/frame-pipeline/jvm.options", "-XX:SharedArchiveFile=/opt/frame-pipeline/cds/norm-service.jsa", \
    "@/opt/frame-pipeline/vector.options", "io.framepipeline.norm.NormService"]

FROM service AS reciprocal-service
LABEL org.opencontainers.image.title=frame-pipeline-reciprocal-service
COPY --from=training /opt/frame-pipeline/cds/reciprocal-service.jsa /opt/frame-pipeline/cds/
ENTRYPOINT ["java", "@/opt/frame-pipeline/jvm.options", "-XX:SharedArchiveFile=/opt/frame-pipeline/cds/reciprocal-service.jsa", \
    "@/opt/frame-pipeline/vector.options", "io.framepipeline.reciprocal.ReciprocalService"]

FROM service AS reader-service
LABEL org.opencontainers.image.title=frame-pipeline-reader-service
COPY --from=training /opt/frame-pipeline/cds/reader-service.jsa /opt/frame-pipeline/cds/
# A volume that is mounted here takes this owner.
USER root
RUN install -d -o 10001 -g 10001 /abandoned
USER 10001:10001
ENTRYPOINT ["java", "@/opt/frame-pipeline/jvm.options", "-XX:SharedArchiveFile=/opt/frame-pipeline/cds/reader-service.jsa", \
    "io.framepipeline.reader.ReaderService"]

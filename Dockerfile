# The images of frame-pipeline: one target each for media-driver, norm-service, reciprocal-service,
# reader-service and console. Without access to a registry, pass bases of your own, see
# docs/operations.md.
ARG BUILD_IMAGE=maven:3.9.16-eclipse-temurin-25
ARG BASE_IMAGE=debian:13.6-slim

# A JVM of only the modules that the services use, without the native debug symbols that some JDKs
# bring along, and without the archive of its classes for heaps of 32 GB and more. java.xml is for
# the JSON library; what has security in its name is for SASL, with which a reader signs in to
# Kafka. It is in all images, since one JVM for all is one layer.
FROM ${BUILD_IMAGE} AS java
RUN jlink --add-modules java.base,java.logging,java.management,java.security.jgss,java.security.sasl,java.xml,jdk.incubator.vector,jdk.management,jdk.security.auth,jdk.security.jgss,jdk.unsupported \
    --generate-cds-archive --no-header-files --no-man-pages --output /opt/java \
 && find /opt/java -name "*.debuginfo" -delete \
 && rm /opt/java/lib/server/classes_nocoops.jsa

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
# Kafka's client, as large as all else, is only in the reader's image: its options replace the class
# path.
RUN home=/opt/frame-pipeline reader=/opt/reader \
 && mkdir -p $home $reader/kafka \
 && cp -r lib config/driver.properties config/vector.options $home \
 && cp $(ls */target/*.jar | grep -v -e -tests.jar) $home/lib \
 && (cd $home/lib && mv kafka-clients-*.jar lz4-java-*.jar snappy-java-*.jar zstd-jni-*.jar $reader/kafka) \
 && docker/unpack-natives $reader/kafka/natives $(ls $reader/kafka/*.jar | grep -v kafka-clients) \
 && class_path=$(ls $home/lib/*.jar | paste -sd:) \
 && { cat config/jvm.options \
   && echo "\"-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX\"" \
   && echo "-cp $class_path"; } > $home/jvm.options \
 && { cat config/kafka.options \
   && echo "-Djava.library.path=$home/kafka/natives" \
   && echo "-Dorg.xerial.snappy.use.systemlib=true" \
   && echo "-cp $class_path:$(cd $reader && ls kafka/*.jar | sed "s:^:$home/:" | paste -sd:)"; } > $reader/kafka.options \
 && chmod -R a+rX $home $reader

FROM ${BASE_IMAGE} AS runtime
ENV PATH=/opt/java/bin:/usr/bin:/bin LANG=C.UTF-8
COPY --from=java /opt/java /opt/java
COPY --from=build /opt/frame-pipeline /opt/frame-pipeline
COPY --chmod=755 docker/*-healthy /opt/frame-pipeline/bin/

FROM runtime AS training
COPY --from=build /opt/reader /opt/frame-pipeline
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
COPY --from=build /opt/reader /opt/frame-pipeline
COPY --from=training /opt/frame-pipeline/cds/reader-service.jsa /opt/frame-pipeline/cds/
# A volume that is mounted here takes this owner.
USER root
RUN install -d -o 10001 -g 10001 /abandoned
USER 10001:10001
ENTRYPOINT ["java", "@/opt/frame-pipeline/jvm.options", "-XX:SharedArchiveFile=/opt/frame-pipeline/cds/reader-service.jsa", \
    "@/opt/frame-pipeline/kafka.options", "io.framepipeline.reader.ReaderService"]

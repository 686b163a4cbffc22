# The panel as one binary: templates, styles and scripts are inside.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY templates templates
COPY static static
COPY migrations migrations
RUN cargo build --release --locked --bin pilothouse

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates curl \
 && rm -rf /var/lib/apt/lists/* \
 && install --directory /var/lib/pilothouse
COPY --from=build /src/target/release/pilothouse /usr/local/bin/pilothouse
COPY docker/panel.sh /usr/local/bin/panel.sh
# Each password hash takes 19 MiB for a moment; glibc would keep such pieces, one for each thread, for good.
ENV MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=262144 MALLOC_TRIM_THRESHOLD_=131072
WORKDIR /var/lib/pilothouse
HEALTHCHECK --interval=10s --timeout=3s CMD ["curl", "--fail", "--silent", "--output", "/dev/null", "http://127.0.0.1:8080/readyz"]
CMD ["/usr/local/bin/panel.sh"]

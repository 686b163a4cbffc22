# One mail stack from Debian's packages, run by the same scripts as the demo and the tests.
FROM debian:bookworm-slim
COPY mailstack /opt/pilothouse/mailstack
RUN apt-get update && /opt/pilothouse/mailstack/install.sh && rm -rf /var/lib/apt/lists/*
COPY docker/mailstack.sh /usr/local/bin/mailstack.sh
ENV BASE=/srv/mail
VOLUME /srv/mail
STOPSIGNAL SIGTERM
CMD ["/usr/local/bin/mailstack.sh"]

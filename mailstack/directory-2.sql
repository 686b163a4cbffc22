-- Version 2 of the directory: addresses whose mailbox lives on another mail server. Mail for them goes on to that server
-- by SMTP, clients that come here are passed on to it with the password they gave.
BEGIN;

-- The other servers, as this one reaches them.
CREATE TABLE peers (
  name text PRIMARY KEY,
  host text NOT NULL CHECK (host ~ '^[A-Za-z0-9.:-]+$'),
  smtp integer NOT NULL CHECK (smtp BETWEEN 1 AND 65535),      -- where it takes mail from other servers
  imap integer CHECK (imap BETWEEN 1 AND 65535),               -- with STARTTLS, like the next two; NULL: not offered
  pop3 integer CHECK (pop3 BETWEEN 1 AND 65535),
  sieve integer CHECK (sieve BETWEEN 1 AND 65535),
  -- Whether its certificate must be one that this machine trusts; else any will do, which is for loopback.
  verified boolean NOT NULL DEFAULT true);

-- A forward goes before an account of the same address: while there is one, nobody signs in to the account and no mail is
-- put into it. So an account can be kept here, or filled, while the mailbox is in use elsewhere.
-- Its domain need not be known here yet; nothing is accepted until it is.
CREATE TABLE forwards (
  marker text PRIMARY KEY,                   -- the panel's id of the mailbox
  -- Counts the changes of the mailbox; a row is never replaced by one of a lower generation. That is why a mailbox that
  -- came to live here keeps its row, without a peer: what somebody writes late must not send its mail away again.
  generation bigint NOT NULL,
  address text NOT NULL UNIQUE
    CHECK (address = lower(address) AND address ~ '^[^][:space:][:cntrl:]@*/:\\"[]+@[a-z0-9.-]+$'),
  domain text GENERATED ALWAYS AS (split_part(address, '@', 2)) STORED,
  peer text REFERENCES peers,                -- where it lives; NULL: here
  receives boolean NOT NULL DEFAULT true,
  -- Who keeps this server for outgoing mail signs in to it here, so it knows the password for that.
  smtp boolean NOT NULL DEFAULT false,
  password_hash text NOT NULL DEFAULT '{CRYPT}*');
CREATE INDEX forwards_domain ON forwards (domain);
CREATE INDEX forwards_peer ON forwards (peer);

CREATE VIEW mail_forwards AS
  SELECT f.address, f.receives, f.smtp, f.password_hash, p.host, p.verified,
         p.smtp AS smtp_port, p.imap AS imap_port, p.pop3 AS pop3_port, p.sieve AS sieve_port
  FROM forwards f JOIN peers p ON p.name = f.peer JOIN domains d ON d.name = f.domain WHERE d.enabled;

CREATE OR REPLACE VIEW mail_recipients AS
  SELECT a.address FROM accounts a JOIN domains d ON d.id = a.domain_id
  WHERE d.enabled AND a.receives AND NOT EXISTS (SELECT FROM forwards f WHERE f.address = a.address AND f.peer IS NOT NULL)
  UNION ALL SELECT address FROM mail_forwards WHERE receives;
CREATE OR REPLACE VIEW mail_closed_recipients AS
  SELECT address FROM accounts a
  WHERE NOT receives AND NOT EXISTS (SELECT FROM forwards f WHERE f.address = a.address AND f.peer IS NOT NULL)
  UNION ALL SELECT address FROM mail_forwards WHERE NOT receives;
CREATE OR REPLACE VIEW mail_aliases AS
  SELECT source, string_agg(destination, ',' ORDER BY destination) AS destination FROM aliases l
  WHERE enabled AND NOT EXISTS (SELECT FROM mail_closed_recipients c WHERE c.address = l.destination)
  GROUP BY source;
CREATE OR REPLACE VIEW mail_senders AS
  SELECT address AS sender, address AS login FROM accounts
  UNION SELECT address, address FROM forwards WHERE peer IS NOT NULL
  UNION SELECT source, destination FROM aliases WHERE enabled;

GRANT SELECT, INSERT, UPDATE, DELETE ON peers, forwards TO panel;
GRANT SELECT ON mail_forwards TO mail;
INSERT INTO schema_version (version) VALUES (2);

COMMIT;

-- How e-mail leaves the console and where webhooks may go (docs/notifications.md). One row.
CREATE TABLE notification_setting (
    only_one         boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    mail_is_on       boolean NOT NULL DEFAULT false,
    mail_host        text NOT NULL DEFAULT '',
    mail_port        integer NOT NULL DEFAULT 587 CHECK (mail_port BETWEEN 1 AND 65535),
    mail_security    text NOT NULL DEFAULT 'starttls' CHECK (mail_security IN ('implicit', 'starttls', 'plain')),
    mail_user        text NOT NULL DEFAULT '',
    mail_password    bytea,                      -- sealed; NULL: none
    mail_from        text NOT NULL DEFAULT '',
    mail_from_name   text NOT NULL DEFAULT '',
    webhook_is_on    boolean NOT NULL DEFAULT false,
    webhook_hosts    text[] NOT NULL DEFAULT '{}',
    webhook_networks text[] NOT NULL DEFAULT '{}', -- that are allowed though they are not public
    webhook_http     boolean NOT NULL DEFAULT false,
    changed_us       bigint NOT NULL DEFAULT 0
);
INSERT INTO notification_setting DEFAULT VALUES;

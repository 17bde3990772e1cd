//! Sends the mail that carries a magic link: over SMTP, or into an outbox folder where no server is configured.
//!
//! Both take time and may fail, so they run on the helper pool. A mail's text holds a secret and reaches no log.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

use cosmictron_types::Uuid;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{Message, SmtpTransport, Transport};

use super::EmailAddress;
use crate::config::MailConfig;

/// An SMTP server that does not answer is given up after this long.
const SMTP_TIMEOUT: Duration = Duration::from_secs(10);
/// Where a link leads when nothing is configured: the body that a client sends back.
const LINK_DEFAULT: &str = "POST /v1/auth/magic-link/verify {\"token\": \"{token}\"}";

/// A mail to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub to: EmailAddress,
    pub subject: String,
    pub text: String,
}

/// Where mail goes.
pub enum Postbox {
    Smtp {
        transport: SmtpTransport,
        from: String,
        link: String,
    },
    /// A folder of `.eml` files: for development.
    Outbox {
        folder: PathBuf,
        from: String,
        link: String,
    },
}

/// Why a mail was not sent, or the postbox not set up.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error("mail.smtp_url: {0}")]
    Url(lettre::transport::smtp::Error),
    #[error("mail.smtp_password_file: {0}")]
    Password(io::Error),
    #[error("mail.from is no address")]
    From,
    #[error("the mail cannot be put together: {0}")]
    Compose(lettre::error::Error),
    #[error("the mail server did not take the mail: {0}")]
    Smtp(lettre::transport::smtp::Error),
    #[error("the outbox cannot be written: {0}")]
    Outbox(io::Error),
}

impl Postbox {
    /// By configuration; `outbox` is used where no server is configured.
    pub fn open(config: &MailConfig, outbox: PathBuf) -> Result<Postbox, MailError> {
        let from = config.from.clone().unwrap_or_else(|| "cosmictron@localhost".to_owned());
        from.parse::<lettre::Address>().map_err(|_| MailError::From)?;
        let link = config.link.clone().unwrap_or_else(|| LINK_DEFAULT.to_owned());
        let Some(url) = &config.smtp_url else {
            return Ok(Postbox::Outbox { folder: outbox, from, link });
        };
        let mut builder =
            SmtpTransport::from_url(url).map_err(MailError::Url)?.timeout(Some(SMTP_TIMEOUT));
        if let Some(file) = &config.smtp_password_file {
            let password = fs::read_to_string(file).map_err(MailError::Password)?;
            builder = builder.credentials(Credentials::new(
                user_of(url).unwrap_or(&from).to_owned(),
                password.trim_end().to_owned(),
            ));
        }
        Ok(Postbox::Smtp { transport: builder.build(), from, link })
    }

    /// The mail that carries a sign-in token.
    pub fn compose_link(&self, to: EmailAddress, token: &str) -> Mail {
        let (Postbox::Smtp { link, .. } | Postbox::Outbox { link, .. }) = self;
        let link = link.replace("{token}", token);
        let text = format!(
            "Use this link to sign in. It works once, for 15 minutes.\n\n{link}\n\n\
             If you did not ask for it, ignore this mail.\n"
        );
        Mail { to, subject: "Your sign-in link".to_owned(), text }
    }

    /// Sends. May wait for the network or the disk. Returns the file it was written to, when it was one.
    pub fn send(&self, mail: &Mail, name: Uuid) -> Result<Option<PathBuf>, MailError> {
        match self {
            Postbox::Smtp { transport, from, .. } => {
                transport.send(&message(mail, from)?).map_err(MailError::Smtp)?;
                Ok(None)
            }
            Postbox::Outbox { folder, from, .. } => {
                let path = folder.join(format!("{name}.eml"));
                write_private(folder, &path, &message(mail, from)?.formatted())
                    .map_err(MailError::Outbox)?;
                Ok(Some(path))
            }
        }
    }
}

fn write_private(folder: &std::path::Path, path: &std::path::Path, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(bytes)
}

fn message(mail: &Mail, from: &str) -> Result<Message, MailError> {
    let address = |text: &str| text.parse().map_err(|_| MailError::From);
    Message::builder()
        .from(address(from)?)
        .to(address(mail.to.as_str())?)
        .subject(&mail.subject)
        .header(ContentType::TEXT_PLAIN)
        .body(mail.text.clone())
        .map_err(MailError::Compose)
}

/// `ada` in `smtp://ada@host:25`.
fn user_of(url: &str) -> Option<&str> {
    let authority = url.split_once("://")?.1.split('/').next()?;
    authority.rsplit_once('@').map(|(user, _)| user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_server_mail_lands_in_the_outbox() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = folder.path().join("outbox");
        let postbox = Postbox::open(&MailConfig::default(), outbox).unwrap();
        let to = EmailAddress::parse("ada@example.com").unwrap();
        let mail = postbox.compose_link(to, "t0ken");
        let path = postbox.send(&mail, Uuid::from_u128(1)).unwrap().unwrap();
        let text = fs::read_to_string(path).unwrap();
        assert!(text.contains("To: ada@example.com"), "{text}");
        assert!(text.contains("t0ken"), "{text}");
    }

    #[test]
    fn the_user_is_the_part_before_the_host() {
        assert_eq!(user_of("smtps://ada@mail.example.com:465"), Some("ada"));
        assert_eq!(user_of("smtp://mail.example.com"), None);
    }
}

//! One HTTP transaction, and what is told of it.

use crate::body::Body as MessageBody;
use crate::http_buffers;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vonggac_event::{limits, proto};
use vonggac_protocols::http::{self, RequestHead, ResponseHead};

/// A request and its response; a side without a head was not seen.
#[derive(Default)]
pub(crate) struct Transaction {
    pub(crate) ts_us: i64,
    pub(crate) depth: u32,
    pub(crate) request: Option<Box<RequestHead>>,
    pub(crate) response: Option<Box<ResponseHead>>,
    pub(crate) sides: [Side; 2],
}

/// What both sides of a transaction have.
#[derive(Default)]
pub(crate) struct Side {
    pub(crate) body: MessageBody,
    pub(crate) mime: String,
    pub(crate) is_matched: bool,
    pub(crate) is_done: bool,
}

impl Transaction {
    pub(crate) fn side(&mut self, which: http::Direction) -> &mut Side {
        let [request, response] = &mut self.sides;
        match which {
            http::Direction::Request => request,
            http::Direction::Response => response,
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.sides.iter().all(|side| side.is_done)
    }

    pub(crate) fn host(&self) -> String {
        let raw = self
            .request
            .as_ref()
            .and_then(|head| http_buffers::raw_host(head));
        text(&http_buffers::host_name(raw.unwrap_or_default()))
    }

    pub(crate) fn uri(&self) -> String {
        text(self.request.as_ref().map_or(&[], |head| &head.uri))
    }
}

/// The name that `Content-Disposition` gives, else the last segment of the path.
pub(crate) fn file_name(transaction: &Transaction, which: http::Direction) -> String {
    let disposition = match which {
        http::Direction::Request => transaction
            .request
            .as_ref()
            .and_then(|head| head.header("content-disposition")),
        http::Direction::Response => transaction
            .response
            .as_ref()
            .and_then(|head| head.header("content-disposition")),
    };
    if let Some(name) = disposition.and_then(disposition_name) {
        return text(name);
    }
    let uri = transaction.request.as_ref().map_or(&[][..], |head| &head.uri);
    let path = uri
        .split(|byte| matches!(byte, b'?' | b'#'))
        .next()
        .unwrap_or_default();
    text(path.rsplit(|byte| *byte == b'/').next().unwrap_or_default())
}

/// The value of `filename=`, its quotes taken off.
fn disposition_name(header: &[u8]) -> Option<&[u8]> {
    const KEY: &[u8] = b"filename=";
    let parameter = header
        .split(|byte| *byte == b';')
        .map(<[u8]>::trim_ascii)
        .find(|parameter| {
            parameter
                .get(..KEY.len())
                .is_some_and(|key| key.eq_ignore_ascii_case(KEY))
        })?;
    let value = parameter.get(KEY.len()..)?;
    let unquoted = value
        .strip_prefix(b"\"")
        .map(|rest| rest.strip_suffix(b"\"").unwrap_or(rest));
    Some(unquoted.unwrap_or(value)).filter(|name| !name.is_empty())
}

fn text(bytes: &[u8]) -> String {
    limits::cut(
        String::from_utf8_lossy(bytes).into_owned(),
        limits::TEXT_BYTES_MAX,
    )
}

/// The event's body.
pub(crate) fn describe(transaction: &Transaction) -> proto::Http {
    let [request_side, response_side] = &transaction.sides;
    let mut body = proto::Http {
        trans_depth: transaction.depth,
        host: transaction.host(),
        uri: transaction.uri(),
        request_body_len: request_side.body.size,
        response_body_len: response_side.body.size,
        request_mime: request_side.mime.clone(),
        response_mime: response_side.mime.clone(),
        ..proto::Http::default()
    };
    if let Some(head) = &transaction.request {
        let header = |name| text(head.header(name).unwrap_or_default());
        body.method = text(&head.method);
        body.version = text(&head.version);
        body.user_agent = header("user-agent");
        body.referrer = header("referer");
        body.x_forwarded_for = header("x-forwarded-for");
        body.cookie_present = head.header("cookie").is_some();
        body.username = head
            .header("authorization")
            .and_then(basic_username)
            .unwrap_or_default();
    }
    if let Some(head) = &transaction.response {
        let header = |name| text(head.header(name).unwrap_or_default());
        if body.version.is_empty() {
            body.version = text(&head.version);
        }
        body.status_code = u32::from(head.status);
        body.status_msg = text(&head.reason);
        body.location = header("location");
        body.server = header("server");
        let declared = head.header("content-type").unwrap_or_default();
        let media_type = declared.split(|byte| *byte == b';').next();
        body.content_type = text(media_type.unwrap_or_default().trim_ascii());
    }
    body
}

/// The user of Basic credentials (RFC 7617); the password is dropped here.
fn basic_username(header: &[u8]) -> Option<String> {
    let (scheme, coded) = header.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let plain = STANDARD.decode(coded.trim_ascii()).ok()?;
    let user = plain.split(|byte| *byte == b':').next()?;
    Some(text(user))
}

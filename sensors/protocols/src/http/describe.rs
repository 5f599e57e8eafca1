//! What is told of a transaction: its event, and the files that it carries.

use super::buffers::{self, named};
use super::disposition::{self, Range};
use super::transaction::Transaction;
use super::{RequestHead, ResponseHead, uri, values};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;
use vonggac_event::limits::{self, text};
use vonggac_event::proto;
use vonggac_protocol::{Digests, FileBody, Side};

const PARTIAL_CONTENT: u16 = 206;

impl Transaction {
    fn raw_host(&self) -> Option<Cow<'_, [u8]>> {
        self.request.as_ref().and_then(|head| buffers::raw_host(head))
    }

    fn host(&self) -> String {
        text(&buffers::host_name(&self.raw_host().unwrap_or_default()))
    }

    fn uri(&self) -> String {
        text(self.request.as_ref().map_or(&[], |head| &head.uri))
    }

    /// The name that `Content-Disposition` gives, else the path, as Suricata names files.
    pub(super) fn file_name(&self, side: Side) -> String {
        let mut dispositions = values(self.headers(side), "content-disposition");
        if let Some(name) = dispositions.find_map(disposition::file_name) {
            return text(&name);
        }
        let target = self.request.as_ref().map_or(&[][..], |head| &head.uri);
        let path = target
            .split(|byte| matches!(byte, b'?' | b'#'))
            .next()
            .unwrap_or_default();
        match path {
            [] => String::new(),
            path => text(&uri::normalize(path)),
        }
    }

    /// The media type of a side's body by its first bytes, else as it is declared.
    pub(super) fn mime(&self, side: Side) -> String {
        let declared = named(self.headers(side), "content-type").unwrap_or_default();
        let body = &self.message(side).body.file;
        limits::cut(body.media_type(&declared), limits::TEXT_BYTES_MAX)
    }

    /// The file that a side's body is, without its hash; `None` without a body.
    fn file(&self, side: Side, mime: &str) -> Option<proto::File> {
        let body = &self.message(side).body.file;
        let range = self.range(side);
        let file = self.file_of(body, self.file_name(side), mime)?;
        let range = range.filter(|range| !range.is_all());
        Some(proto::File {
            complete: file.complete && !self.is_part(side),
            start: range.map_or(0, |range| range.start),
            end: range.map_or(0, |range| range.end),
            ..file
        })
    }

    /// The files that a side sends, without their hashes: those of a form, or else the body. `None` stands for one without any byte.
    pub(super) fn files_of(&self, side: Side, mime: &str) -> Vec<Option<proto::File>> {
        let Some(form) = self.message(side).body.form() else {
            return vec![self.file(side, mime)];
        };
        let parts = form.files().iter();
        parts
            .map(|part| {
                let mime = limits::cut(part.body.media_type(&part.declared), limits::TEXT_BYTES_MAX);
                self.file_of(&part.body, part.name.clone(), &mime)
            })
            .collect()
    }

    /// The files of a side with their digests.
    pub(super) fn files_with_digests(&self, side: Side, mime: &str) -> Vec<Option<proto::File>> {
        let body = &self.message(side).body;
        let digests = match body.form() {
            Some(form) => form.files().iter().map(|part| part.body.digests()).collect(),
            None => vec![body.file.digests()],
        };
        let files = self.files_of(side, mime).into_iter().zip(digests);
        files
            .map(|(file, digests)| {
                let file = file?;
                let digests = if file.complete {
                    digests
                } else {
                    Digests::default()
                };
                Some(proto::File {
                    md5: digests.md5,
                    sha1: digests.sha1,
                    sha256: digests.sha256,
                    ..file
                })
            })
            .collect()
    }

    /// The files of a side with all that is told of them.
    pub(super) fn files_told(&self, side: Side, mime: &str) -> Vec<Option<proto::File>> {
        let files = self.files_with_digests(side, mime).into_iter();
        let mut told = None;
        files
            .map(|file| {
                let file = file?;
                Some(proto::File {
                    scan: "none".into(),
                    http: Some(Box::new(told.get_or_insert_with(|| self.describe()).clone())),
                    ..file
                })
            })
            .collect()
    }

    /// A file of that body; `None` without any byte of it.
    fn file_of(&self, body: &FileBody, name: String, mime: &str) -> Option<proto::File> {
        // What was lost was sent, too: the file is as large as that.
        let size = body.size().saturating_add(body.missed());
        (size > 0).then(|| proto::File {
            source: "http".into(),
            app: "http".into(),
            name,
            mime: mime.to_owned(),
            size,
            missed_bytes: body.missed(),
            has_gaps: body.missed() > 0,
            complete: body.is_whole(),
            host: self.host(),
            uri: self.uri(),
            ..proto::File::default()
        })
    }

    /// Whether a side's body is a part of a file, or may be.
    fn is_part(&self, side: Side) -> bool {
        let status = self.response.as_ref().map_or(0, |head| head.status);
        let is_partial = side == Side::Server && status == PARTIAL_CONTENT;
        match self.range(side) {
            Some(range) => !range.is_all(),
            None => is_partial,
        }
    }

    fn range(&self, side: Side) -> Option<Range> {
        values(self.headers(side), "content-range").find_map(Range::read)
    }

    /// The event's body.
    pub(super) fn describe(&self) -> proto::Http {
        let mut body = proto::Http {
            trans_depth: self.depth,
            host: self.host(),
            uri: self.uri(),
            port: self
                .raw_host()
                .map_or(0, |raw| buffers::port(&raw).map_or(0, u32::from)),
            request_packet: self.packet,
            request_body_len: self.client.body.file.size(),
            response_body_len: self.server.body.file.size(),
            request_mime: self.client.mime.clone(),
            response_mime: self.server.mime.clone(),
            ..proto::Http::default()
        };
        if let Some(head) = &self.request {
            describe_request(head, &mut body);
        }
        if let Some(head) = &self.response {
            describe_response(head, &mut body);
        }
        body
    }
}

fn describe_request(head: &RequestHead, body: &mut proto::Http) {
    let header = |name| text(&named(&head.headers, name).unwrap_or_default());
    body.method = text(&head.method);
    body.version = text(&head.version);
    body.user_agent = header("user-agent");
    body.referrer = header("referer");
    body.x_forwarded_for = header("x-forwarded-for");
    body.cookie_present = head.header("cookie").is_some();
    let mut credentials = values(&head.headers, "authorization");
    body.username = credentials.find_map(basic_username).unwrap_or_default();
}

fn describe_response(head: &ResponseHead, body: &mut proto::Http) {
    let header = |name| text(&named(&head.headers, name).unwrap_or_default());
    if body.version.is_empty() {
        body.version = text(&head.version);
    }
    body.status_code = u32::from(head.status);
    body.status_msg = text(&head.reason);
    body.location = header("location");
    body.server = header("server");
    body.content_range = header("content-range");
    let declared = named(&head.headers, "content-type").unwrap_or_default();
    let media_type = declared.split(|byte| *byte == b';').next();
    body.content_type = text(media_type.unwrap_or_default().trim_ascii());
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

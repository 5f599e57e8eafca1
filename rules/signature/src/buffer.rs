//! The buffers that rules look into, and the keywords that select them.

use crate::context::App;

/// How often a buffer occurs in one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occurs {
    /// Once: selecting it again continues with the same conditions.
    Once,
    /// Any number of times: selecting it again starts new conditions, which another instance may meet.
    Many,
}

macro_rules! buffers {
    ($($(#[$doc:meta])* $variant:ident $occurs:ident $app:expr, [$($name:literal),*];)*) => {
        /// A buffer that rules look into.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Buffer { $($(#[$doc])* $variant,)* }

        impl Buffer {
            /// All buffers, in the order of their discriminants.
            pub const ALL: &'static [Buffer] = &[$(Buffer::$variant,)*];

            /// The buffer that a sticky-buffer keyword selects.
            pub fn from_keyword(keyword: &str) -> Option<Buffer> {
                match keyword { $($($name => Some(Buffer::$variant),)*)* _ => None }
            }

            /// The application protocol that alone has this buffer.
            pub(crate) fn app(self) -> Option<App> {
                match self { $(Buffer::$variant => $app,)* }
            }

            pub(crate) fn occurs(self) -> Occurs {
                match self { $(Buffer::$variant => Occurs::$occurs,)* }
            }
        }
    };
}

use App::{Dns, Ftp, Http, Smtp, Ssh, Tls};

buffers! {
    /// One packet's payload.
    Payload Once None, ["pkt_data"];
    /// A chunk of the reassembled TCP stream.
    Stream Once None, [];
    /// A name asked for, without length bytes, dots between the labels.
    DnsQuery Many Some(Dns), ["dns.query", "dns_query", "dns.queries.rrname"];
    /// A name in an answer.
    DnsAnswerName Many Some(Dns), ["dns.answer.name", "dns.answers.rrname"];
    /// The path and query, decoded and normalised.
    HttpUri Once Some(Http), ["http.uri"];
    /// The path and query as sent.
    HttpUriRaw Once Some(Http), ["http.uri.raw"];
    /// The request method.
    HttpMethod Once Some(Http), ["http.method"];
    /// The host, lower case, without port.
    HttpHost Once Some(Http), ["http.host"];
    /// The host as sent.
    HttpHostRaw Once Some(Http), ["http.host.raw"];
    /// All header lines, normalised, each ended by CR LF, without cookies.
    HttpHeader Once Some(Http), ["http.header"];
    /// All header lines as sent.
    HttpHeaderRaw Once Some(Http), ["http.header.raw"];
    /// CR LF, then each header name followed by CR LF, then CR LF.
    HttpHeaderNames Once Some(Http), ["http.header_names", "http_header_names"];
    /// One request header as `name: value`.
    HttpRequestHeader Many Some(Http), ["http.request_header"];
    /// One response header as `name: value`.
    HttpResponseHeader Many Some(Http), ["http.response_header"];
    /// The value of `User-Agent`.
    HttpUserAgent Once Some(Http), ["http.user_agent"];
    /// The value of `Cookie` or `Set-Cookie`.
    HttpCookie Once Some(Http), ["http.cookie"];
    /// The value of `Referer`.
    HttpReferer Once Some(Http), ["http.referer", "http_referer"];
    /// The value of `Content-Type`.
    HttpContentType Once Some(Http), ["http.content_type", "http_content_type"];
    /// The value of `Content-Length`.
    HttpContentLen Once Some(Http), ["http.content_len", "http_content_len"];
    /// The value of `Accept`.
    HttpAccept Once Some(Http), ["http.accept", "http_accept"];
    /// The value of `Accept-Language`.
    HttpAcceptLang Once Some(Http), ["http.accept_lang", "http_accept_lang"];
    /// The value of `Accept-Encoding`.
    HttpAcceptEnc Once Some(Http), ["http.accept_enc", "http_accept_enc"];
    /// The value of `Connection`.
    HttpConnection Once Some(Http), ["http.connection", "http_connection"];
    /// The value of `Server`.
    HttpServer Once Some(Http), ["http.server"];
    /// The value of `Location`.
    HttpLocation Once Some(Http), ["http.location"];
    /// The request line as sent, without CR LF.
    HttpRequestLine Once Some(Http), ["http.request_line", "http_request_line"];
    /// The response line as sent, without CR LF.
    HttpResponseLine Once Some(Http), ["http.response_line", "http_response_line"];
    /// First line and headers as sent, with the empty line.
    HttpStart Once Some(Http), ["http.start", "http_start"];
    /// The protocol of the first line, such as `HTTP/1.1`.
    HttpProtocol Once Some(Http), ["http.protocol", "http_protocol"];
    /// The three digits of the status.
    HttpStatCode Once Some(Http), ["http.stat_code"];
    /// The text after the status.
    HttpStatMsg Once Some(Http), ["http.stat_msg"];
    /// The request's body, decoded.
    HttpRequestBody Once Some(Http), ["http.request_body"];
    /// The response's body, decoded.
    HttpResponseBody Once Some(Http), ["http.response_body"];
    /// A file's bytes, whatever protocol carries it; for HTTP the decoded body of the response.
    FileData Many None, ["file.data", "file_data"];
    /// A file's name.
    FileName Many None, ["file.name"];
    /// The server name of the client's hello.
    TlsSni Once Some(Tls), ["tls.sni", "tls_sni"];
    /// The server certificate's subject.
    TlsCertSubject Once Some(Tls), ["tls.cert_subject", "tls_cert_subject"];
    /// The server certificate's issuer.
    TlsCertIssuer Once Some(Tls), ["tls.cert_issuer", "tls_cert_issuer"];
    /// The server certificate's serial number, hexadecimal with colons.
    TlsCertSerial Once Some(Tls), ["tls.cert_serial", "tls_cert_serial"];
    /// The server certificate's SHA-1, hexadecimal with colons, lower case.
    TlsCertFingerprint Once Some(Tls), ["tls.cert_fingerprint", "tls_cert_fingerprint"];
    /// One certificate of the chain, DER.
    TlsCerts Many Some(Tls), ["tls.certs"];
    /// The negotiated version: `1.0`, `1.1`, `1.2`, `1.3` (`SSLv2`, `SSLv3` for the old ones).
    TlsVersion Once Some(Tls), [];
    /// An application protocol offered in the client's hello.
    TlsAlpn Many Some(Tls), ["tls.alpn"];
    /// The client's JA3, 32 hexadecimal digits.
    Ja3Hash Once None, ["ja3.hash", "ja3_hash"];
    /// The string that JA3 hashes.
    Ja3String Once None, ["ja3.string", "ja3_string"];
    /// The server's JA3, 32 hexadecimal digits.
    Ja3sHash Once None, ["ja3s.hash", "ja3s_hash"];
    /// The string that the server's JA3 hashes.
    Ja3sString Once None, ["ja3s.string", "ja3s_string"];
    /// The client's JA4.
    Ja4 Once None, ["ja4.hash", "ja4_hash"];
    /// The version in the SSH banner, such as `2.0`.
    SshProtocol Once Some(Ssh), ["ssh.proto", "ssh_proto"];
    /// The software in the SSH banner.
    SshSoftware Once Some(Ssh), ["ssh.software", "ssh_software"];
    /// The SSH client's HASSH.
    SshHassh Once Some(Ssh), ["ssh.hassh"];
    /// The SSH server's HASSH.
    SshHasshServer Once Some(Ssh), ["ssh.hassh.server"];
    /// The name given to `HELO` or `EHLO`.
    SmtpHelo Once Some(Smtp), ["smtp.helo"];
    /// The sender's address.
    SmtpMailFrom Once Some(Smtp), ["smtp.mail_from"];
    /// One recipient's address.
    SmtpRcptTo Many Some(Smtp), ["smtp.rcpt_to"];
    /// An FTP command without its argument.
    FtpCommand Once Some(Ftp), ["ftp.command"];
    /// The argument of an FTP command.
    FtpCommandData Once Some(Ftp), ["ftp.command_data"];
}

impl Buffer {
    /// The buffer that an old content modifier (`content:"x"; http_uri;`) moves the content to.
    pub(crate) fn from_modifier(keyword: &str) -> Option<Buffer> {
        Some(match keyword {
            "http_uri" => Buffer::HttpUri,
            "http_raw_uri" => Buffer::HttpUriRaw,
            "http_method" => Buffer::HttpMethod,
            "http_header" => Buffer::HttpHeader,
            "http_raw_header" => Buffer::HttpHeaderRaw,
            "http_cookie" => Buffer::HttpCookie,
            "http_user_agent" => Buffer::HttpUserAgent,
            "http_host" => Buffer::HttpHost,
            "http_raw_host" => Buffer::HttpHostRaw,
            "http_client_body" => Buffer::HttpRequestBody,
            "http_server_body" => Buffer::HttpResponseBody,
            "http_stat_code" => Buffer::HttpStatCode,
            "http_stat_msg" => Buffer::HttpStatMsg,
            _ => return None,
        })
    }

    /// The buffer that a flag of `pcre` selects.
    pub(crate) fn from_regex_flag(flag: char) -> Option<Buffer> {
        Some(match flag {
            'U' => Buffer::HttpUri,
            'I' => Buffer::HttpUriRaw,
            'P' => Buffer::HttpRequestBody,
            'Q' => Buffer::HttpResponseBody,
            'H' => Buffer::HttpHeader,
            'D' => Buffer::HttpHeaderRaw,
            'M' => Buffer::HttpMethod,
            'C' => Buffer::HttpCookie,
            'S' => Buffer::HttpStatCode,
            'Y' => Buffer::HttpStatMsg,
            'V' => Buffer::HttpUserAgent,
            'W' => Buffer::HttpHost,
            'Z' => Buffer::HttpHostRaw,
            _ => return None,
        })
    }

    /// The buffers that hold few different values: their patterns tell little.
    pub(crate) fn is_commonplace(self) -> bool {
        matches!(
            self,
            Buffer::HttpMethod
                | Buffer::HttpStatCode
                | Buffer::HttpStatMsg
                | Buffer::HttpProtocol
                | Buffer::HttpHeaderNames
                | Buffer::HttpConnection
                | Buffer::HttpAcceptEnc
                | Buffer::HttpAcceptLang
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Buffer;

    #[test]
    fn all_is_in_order_of_discriminants() {
        for (index, buffer) in Buffer::ALL.iter().enumerate() {
            assert_eq!(*buffer as usize, index);
        }
    }
}

//! What others answer, or do not: mail servers, webhooks, identity providers; and their settings.

use super::Text;

/// Where things may go, and what became of them.
pub(super) const DELIVERY: &[Text] = &[
    ("no mail server is set", "chưa cài đặt máy chủ thư"),
    ("the sender's address is none", "địa chỉ người gửi không hợp lệ"),
    ("the address {message}", "địa chỉ {message}"),
    (
        "its secret has the wrong length",
        "khóa bí mật có độ dài không đúng",
    ),
    (
        "is no address such as {example}",
        "không hợp lệ, ví dụ đúng: {example}",
    ),
    (
        "must not carry a user or a password",
        "không được chứa tên đăng nhập hoặc mật khẩu",
    ),
    (
        "{text} is no address such as {example}",
        "{text} không hợp lệ, ví dụ đúng: {example}",
    ),
    ("{text} is longer than 500 bytes", "{text} dài quá 500 byte"),
    (
        "{text} must not carry a user or a password",
        "{text} không được chứa tên đăng nhập hoặc mật khẩu",
    ),
    (
        "{text} is no host such as hooks.example, *.example or hooks.example:8443",
        "{text} không phải tên máy chủ như hooks.example, *.example hoặc hooks.example:8443",
    ),
    ("this goes by https only", "chỉ gửi được qua https"),
    (
        "{host}, port {port}, is not on the list of hosts",
        "{host}, cổng {port}, không có trong danh sách máy chủ được phép",
    ),
    (
        "{host} has no address: {detail}",
        "{host} không có địa chỉ: {detail}",
    ),
    ("{host} has {count} addresses", "{host} có {count} địa chỉ"),
    (
        "{host} has an address that is in no network that is allowed",
        "{host} có địa chỉ không thuộc mạng nào được phép",
    ),
    (
        "the host's name is none of TLS",
        "tên máy chủ không dùng được cho TLS",
    ),
    ("TLS failed: {detail}", "TLS không thành công: {detail}"),
    ("it has no address", "không có địa chỉ"),
    (
        "{address} does not answer: {detail}",
        "{address} không trả lời: {detail}",
    ),
    ("it was closed", "kết nối đã bị đóng"),
    (
        "the exchange broke off: {detail}",
        "trao đổi bị ngắt giữa chừng: {detail}",
    ),
    ("the answer is too long", "câu trả lời quá dài"),
    (
        "no request can be made of it: {detail}",
        "không tạo được yêu cầu: {detail}",
    ),
    (
        "it answered {code}; redirects are not followed",
        "máy chủ trả lời {code}; hệ thống không đi theo chuyển hướng",
    ),
    (
        "it answered 410: it wants nothing more",
        "máy chủ trả lời 410: không muốn nhận nữa",
    ),
    ("it answered {code}", "máy chủ trả lời {code}"),
    (
        "no letter can be made of it: {detail}",
        "không soạn được thư: {detail}",
    ),
    (
        "the mail server was not done after {seconds} s",
        "máy chủ thư chưa xong sau {seconds} giây",
    ),
    (
        "the mail server does not let us sign in: {detail}",
        "máy chủ thư không cho đăng nhập: {detail}",
    ),
    (
        "the mail server does not answer as one: {detail}",
        "máy chủ không trả lời như một máy chủ thư: {detail}",
    ),
    (
        "the mail server's name is none of TLS",
        "tên máy chủ thư không dùng được cho TLS",
    ),
    (
        "TLS with the mail server failed: {detail}",
        "TLS với máy chủ thư không thành công: {detail}",
    ),
    (
        "the mail server does not offer STARTTLS",
        "máy chủ thư không có STARTTLS",
    ),
    (
        "the mail server {host} has no address: {detail}",
        "máy chủ thư {host} không có địa chỉ: {detail}",
    ),
    (
        "the mail server {host} has no address",
        "máy chủ thư {host} không có địa chỉ",
    ),
    (
        "the mail server {host}, port {port}, does not answer: {detail}",
        "máy chủ thư {host}, cổng {port}, không trả lời: {detail}",
    ),
    (
        "TLS cannot be set up: {detail}",
        "không thiết lập được TLS: {detail}",
    ),
    (
        "the mail server refuses the sender: {detail}",
        "máy chủ thư từ chối người gửi: {detail}",
    ),
    (
        "the mail server refuses the address: {detail}",
        "máy chủ thư từ chối địa chỉ nhận: {detail}",
    ),
    (
        "the mail server refuses the letter: {detail}",
        "máy chủ thư từ chối thư: {detail}",
    ),
    (
        "the console's own secret: {message}",
        "bí mật của hệ thống: {message}",
    ),
    (
        "the console was started without its key",
        "hệ thống khởi động mà không có khóa",
    ),
    ("the key does not do", "khóa không dùng được"),
    ("a secret could not be sealed", "không niêm phong được bí mật"),
    (
        "a secret was sealed with another key, or changed",
        "bí mật được niêm phong bằng khóa khác, hoặc đã bị thay đổi",
    ),
];

/// Settings of mail and webhooks; `from` is a time elsewhere.
pub(super) const SETTINGS: &[Text] = &[
    ("from is missing", "thiếu giá trị from"),
    (
        "from is no address such as {example}",
        "địa chỉ người gửi không hợp lệ, ví dụ đúng: {example}",
    ),
    (
        "from is one line of at most {most} characters",
        "địa chỉ người gửi phải nằm trên một dòng, nhiều nhất {most} ký tự",
    ),
    (
        "must be TLS or STARTTLS where somebody signs in on another machine",
        "phải là TLS hoặc STARTTLS khi đăng nhập vào một máy khác",
    ),
    (
        "must be given again for another server",
        "phải nhập lại khi đổi máy chủ",
    ),
    (
        "must be given again for other hosts, networks or certificates",
        "phải nhập lại khi đổi máy chủ, mạng hoặc chứng thư",
    ),
];

/// Identity providers.
pub(super) const PROVIDERS: &[Text] = &[
    (
        "the provider cannot be used now; who runs the console can see why",
        "hiện không dùng được nhà cung cấp định danh này; người vận hành hệ thống xem được lý do",
    ),
    (
        "a provider of that issuer is there already, or there are too many",
        "đã có nhà cung cấp với issuer này, hoặc có quá nhiều nhà cung cấp",
    ),
    (
        "it is the account's only way to sign in",
        "đây là cách đăng nhập duy nhất của tài khoản",
    ),
    ("must have openid among them", "phải có openid"),
    (
        "is an address of at most {most} bytes without a user, a query or a fragment",
        "phải là địa chỉ dài nhiều nhất {most} byte, không có tên đăng nhập, truy vấn hoặc phần sau #",
    ),
    (
        "has no certificates in PEM, or more than {most}",
        "không có chứng thư nào ở dạng PEM, hoặc có quá {most}",
    ),
    (
        "{text} is plain http, which goes to this machine alone",
        "{text} là http không mã hóa, chỉ dùng được cho chính máy này",
    ),
    ("the certificates cannot be read", "không đọc được các chứng thư"),
    ("the provider took too long", "nhà cung cấp trả lời quá chậm"),
    (
        "the provider was not reached: {detail}",
        "không kết nối được nhà cung cấp: {detail}",
    ),
    (
        "the discovery document cannot be used: {message}",
        "không dùng được tài liệu discovery: {message}",
    ),
    (
        "there is none at its address",
        "không có tài liệu ở địa chỉ của nó",
    ),
    ("it is no such document", "không phải tài liệu loại này"),
    (
        "it does not give authorisation codes",
        "nhà cung cấp không cấp mã ủy quyền (authorization code)",
    ),
    (
        "it takes no PKCE with S256",
        "nhà cung cấp không nhận PKCE với S256",
    ),
    (
        "it signs with no algorithm that is accepted",
        "nhà cung cấp không ký bằng thuật toán nào được chấp nhận",
    ),
    ("it has no authorization_endpoint", "thiếu authorization_endpoint"),
    ("it has no token_endpoint", "thiếu token_endpoint"),
    ("it has no jwks_uri", "thiếu jwks_uri"),
    (
        "an endpoint is no web address",
        "một endpoint không phải địa chỉ web",
    ),
    (
        "the discovery document is of another issuer: {issuer}",
        "tài liệu discovery thuộc issuer khác: {issuer}",
    ),
    (
        "the provider's keys cannot be read",
        "không đọc được khóa của nhà cung cấp",
    ),
    (
        "the answer of the provider cannot be read",
        "không đọc được câu trả lời của nhà cung cấp",
    ),
    (
        "the provider answered: {detail}",
        "nhà cung cấp trả lời: {detail}",
    ),
    ("status {status}", "trạng thái {status}"),
    ("the answer is of another issuer", "câu trả lời thuộc issuer khác"),
    (
        "the id token cannot be read: {message}",
        "không đọc được id token: {message}",
    ),
    ("it is too long", "quá dài"),
    ("it has no signature", "không có chữ ký"),
    ("it has no content", "không có nội dung"),
    (
        "it wants what is not understood",
        "đòi hỏi điều hệ thống không hiểu",
    ),
    ("its signature is no base64url", "chữ ký không phải base64url"),
    ("it is no JSON of that shape", "không phải JSON đúng dạng"),
    ("its subject does not do", "subject không hợp lệ"),
    (
        "the id token is signed with an algorithm that is not accepted",
        "id token được ký bằng thuật toán không được chấp nhận",
    ),
    (
        "the id token is signed with a key that is not the provider's",
        "id token được ký bằng khóa không phải của nhà cung cấp",
    ),
    (
        "the id token's signature is wrong",
        "chữ ký của id token không đúng",
    ),
    ("the id token is of another issuer", "id token thuộc issuer khác"),
    (
        "the id token is for another client",
        "id token dành cho client khác",
    ),
    (
        "the id token is not of this time",
        "id token không đúng thời điểm",
    ),
    (
        "the id token belongs to another sign-in",
        "id token thuộc lần đăng nhập khác",
    ),
    (
        "the provider did not ask to sign in anew",
        "nhà cung cấp không yêu cầu đăng nhập lại",
    ),
];

//! What every request may be told: who asks, how it is asked, and what is wrong with a value whatever it is of.

use super::Text;

/// About the request as a whole.
pub(super) const REQUEST: &[Text] = &[
    ("not found", "không tìm thấy"),
    ("sign in first", "hãy đăng nhập trước"),
    (
        "user name or password is wrong",
        "tên đăng nhập hoặc mật khẩu không đúng",
    ),
    ("the password is wrong", "mật khẩu không đúng"),
    ("the one-time code is wrong", "mã dùng một lần không đúng"),
    (
        "the code is wrong or was used already",
        "mã không đúng hoặc đã được dùng",
    ),
    (
        "the token is wrong, expired, revoked, or not for this network",
        "mã truy cập không đúng, đã hết hạn, đã bị thu hồi hoặc không dành cho mạng này",
    ),
    ("confirm first that it is you", "hãy xác nhận lại rằng đó là bạn"),
    (
        "this takes a second factor; set one up first",
        "việc này cần xác thực hai bước; hãy thiết lập trước",
    ),
    (
        "a role of this account takes a passkey; register one, or use the one there is, first",
        "một vai trò của tài khoản này cần khóa truy cập; hãy đăng ký hoặc dùng khóa đã có trước",
    ),
    (
        "a token of the API cannot do this; it takes a person",
        "mã truy cập API không làm được việc này; phải do người thực hiện",
    ),
    (
        "the token's scope does not have {ability}",
        "phạm vi của mã truy cập không có {ability}",
    ),
    (
        "the request has a token and a session's cookie; it may have one of them",
        "yêu cầu có cả mã truy cập lẫn cookie của phiên; chỉ được có một trong hai",
    ),
    (
        "too many attempts; try again in {seconds} s",
        "quá nhiều lần thử; hãy thử lại sau {seconds} giây",
    ),
    (
        "too many requests of this network are open",
        "mạng này đang có quá nhiều yêu cầu",
    ),
    (
        "too many live streams of this account are open; close some of its tabs",
        "tài khoản này đang mở quá nhiều luồng trực tiếp; hãy đóng bớt các thẻ",
    ),
    (
        "too many live streams are open",
        "đang có quá nhiều luồng trực tiếp",
    ),
    (
        "the request does not come from the console's own pages",
        "yêu cầu không đến từ trang của hệ thống",
    ),
    (
        "the body must be application/json",
        "nội dung gửi phải là application/json",
    ),
    ("the body took too long", "nội dung gửi đến quá chậm"),
    ("the request took too long", "yêu cầu mất quá nhiều thời gian"),
    ("the address is too long", "địa chỉ yêu cầu quá dài"),
    ("pages are read alone", "trang chỉ để đọc"),
    ("no cookie could be made", "không tạo được cookie"),
    ("no QR code could be made", "không tạo được mã QR"),
    (
        "the case store does not answer",
        "kho dữ liệu xử lý không trả lời",
    ),
    ("the event store does not answer", "kho sự kiện không trả lời"),
    ("the audit log cannot be read", "không đọc được nhật ký kiểm toán"),
    (
        "the console cannot read its own secrets",
        "hệ thống không đọc được bí mật của mình",
    ),
    (
        "this console keeps no secrets; it must be started with --secrets-key",
        "hệ thống không lưu được bí mật; phải khởi động với --secrets-key",
    ),
    (
        "the list takes too long; narrow the time or the search",
        "danh sách mất quá nhiều thời gian; hãy thu hẹp khoảng thời gian hoặc tìm kiếm",
    ),
    (
        "this is no part of an exercise",
        "nội dung này không thuộc cuộc diễn tập nào",
    ),
];

/// What reads a body or an address before a handler does; details of it are for programmers.
pub(super) const READING: &[Text] = &[
    (
        "Failed to deserialize the JSON body into the target type: {detail}",
        "nội dung JSON không có dạng cần thiết: {detail}",
    ),
    (
        "Failed to parse the request body as JSON: {detail}",
        "nội dung gửi không phải JSON đúng cú pháp: {detail}",
    ),
    (
        "Failed to deserialize query string: {detail}",
        "tham số của địa chỉ không có dạng cần thiết: {detail}",
    ),
    (
        "Failed to buffer the request body: {detail}",
        "không nhận được nội dung gửi: {detail}",
    ),
    (
        "Expected request with `Content-Type: application/json`",
        "yêu cầu phải có `Content-Type: application/json`",
    ),
    ("length limit exceeded", "nội dung vượt quá độ dài cho phép"),
    ("missing field `{name}`", "thiếu trường `{name}`"),
    (
        "missing field `{name}` at line {line} column {column}",
        "thiếu trường `{name}`, ở dòng {line} cột {column}",
    ),
    ("{path}: missing field `{name}`", "{path}: thiếu trường `{name}`"),
    (
        "{path}: missing field `{name}` at line {line} column {column}",
        "{path}: thiếu trường `{name}`, ở dòng {line} cột {column}",
    ),
    (
        "{path}: invalid type: {found}, expected {wanted}",
        "{path}: có {found}, cần {wanted}",
    ),
    (
        "{path}: invalid type: {found}, expected {wanted} at line {line} column {column}",
        "{path}: có {found}, cần {wanted}, ở dòng {line} cột {column}",
    ),
    (
        "{path}: unknown variant `{found}`, expected {wanted}",
        "{path}: không có giá trị `{found}`, cần {wanted}",
    ),
    (
        "{path}: unknown variant `{found}`, expected {wanted} at line {line} column {column}",
        "{path}: không có giá trị `{found}`, cần {wanted}, ở dòng {line} cột {column}",
    ),
];

/// What is wrong with a value: words that follow its name.
pub(super) const VALUES: &[Text] = &[
    ("{field} {message}", "{field} {message}"),
    ("is empty", "trống"),
    ("must not be empty", "không được để trống"),
    ("is missing", "bị thiếu"),
    ("is needed", "là bắt buộc"),
    ("is not known", "không có trong các giá trị đã biết"),
    ("is too long", "quá dài"),
    ("are too long", "quá dài"),
    ("is over already", "đã qua"),
    ("is yes or no", "là yes hoặc no"),
    ("is vi or en", "là vi hoặc en"),
    ("is only or with", "là only hoặc with"),
    ("is only or without", "là only hoặc without"),
    ("is one of {list}", "là một trong: {list}"),
    (
        "is one of {list}; with - in front, the largest first",
        "là một trong: {list}; thêm - ở đầu để xếp giá trị lớn nhất trước",
    ),
    ("is not one of ours", "không phải do máy chủ này cấp"),
    (
        "is not one that this server gave",
        "không phải do máy chủ này cấp",
    ),
    ("is none that you see", "không phải cơ quan mà bạn thấy"),
    (
        "has {least} to {most} characters",
        "phải có từ {least} đến {most} ký tự",
    ),
    (
        "has {least} to {most} bytes",
        "phải có từ {least} đến {most} byte",
    ),
    (
        "must have {least} to {most} characters",
        "phải có từ {least} đến {most} ký tự",
    ),
    (
        "must not be longer than {most} characters",
        "không được dài quá {most} ký tự",
    ),
    (
        "must not be longer than {most} bytes",
        "không được dài quá {most} byte",
    ),
    (
        "must not be longer than {most} KiB",
        "không được dài quá {most} KiB",
    ),
    (
        "is longer than {most} characters",
        "không được dài quá {most} ký tự",
    ),
    ("is longer than {most} bytes", "không được dài quá {most} byte"),
    ("must not be more than {most}", "không được quá {most}"),
    ("are more than {most}", "không được quá {most}"),
    ("has more than {most}", "không được quá {most}"),
    ("has too many", "có quá nhiều"),
    ("must have something", "phải có ít nhất một mục"),
    (
        "must not have control characters",
        "không được có ký tự điều khiển",
    ),
    (
        "begins or ends with a space",
        "bắt đầu hoặc kết thúc bằng dấu cách",
    ),
    (
        "has a control character or an invisible one",
        "có ký tự điều khiển hoặc ký tự vô hình",
    ),
    (
        "is one line of at most {most} characters",
        "phải nằm trên một dòng, nhiều nhất {most} ký tự",
    ),
    (
        "is one word of at most {most} bytes",
        "phải là một từ, nhiều nhất {most} byte",
    ),
    (
        "has at most {most} entries of at most {bytes} bytes",
        "có nhiều nhất {most} dòng, mỗi dòng nhiều nhất {bytes} byte",
    ),
    (
        "has at most {most} words of at most {bytes} bytes",
        "có nhiều nhất {most} từ, mỗi từ nhiều nhất {bytes} byte",
    ),
    (
        "is a number from {least} to {most}",
        "phải là số từ {least} đến {most}",
    ),
    (
        "is not a time such as {example}",
        "không phải thời điểm như {example}",
    ),
    ("is not a day such as {example}", "không phải ngày như {example}"),
    ("is not a day as in {example}", "không phải ngày như {example}"),
    ("is not base64url", "không phải base64url"),
    ("is not before to", "phải trước mốc kết thúc"),
    ("is not after from", "phải sau mốc bắt đầu"),
    ("is not after `from`", "phải sau mốc bắt đầu"),
    ("is not a role", "không phải vai trò"),
    ("{field}: {word} is not known", "{field}: không có giá trị {word}"),
    (
        "{field}: {id} is not the id of a person",
        "{field}: {id} không phải mã của một người",
    ),
    (
        "{text} is no network such as {one} or {other}",
        "{text} không phải mạng như {one} hoặc {other}",
    ),
    (
        "must be networks such as {one} or {other}",
        "phải gồm các mạng như {one} hoặc {other}",
    ),
];

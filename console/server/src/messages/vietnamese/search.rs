//! Searches of events: what is wrong with a query and where, turns, saved searches and exports.

use super::Text;

/// Queries.
pub(super) const QUERIES: &[Text] = &[
    ("column {column}: {message}", "cột {column}: {message}"),
    (
        "the query is longer than {most} bytes",
        "truy vấn dài quá {most} byte",
    ),
    ("the quote is not closed", "dấu ngoặc kép chưa đóng"),
    (
        "{name}: has no value; {any}:* finds any",
        "{name}: chưa có giá trị; {any}:* tìm mọi giá trị",
    ),
    ("a ) without its (", "dấu ) không có dấu ( đi trước"),
    ("the ( is not closed", "dấu ( chưa đóng"),
    (
        "{sign} has nothing to compare with",
        "sau {sign} chưa có giá trị để so sánh",
    ),
    (
        "the query ends where something to find should stand",
        "truy vấn kết thúc ở chỗ phải có điều cần tìm",
    ),
    (
        "something to find should stand here",
        "ở đây phải có điều cần tìm",
    ),
    ("nested more than {most} deep", "lồng nhau quá {most} tầng"),
    ("more than {most} terms", "có hơn {most} điều kiện"),
    (
        "no field {name} in the chosen classes ({classes})",
        "không có trường {name} trong các loại sự kiện đã chọn ({classes})",
    ),
    (
        "{name} has no order; {sign} does not apply",
        "{name} không có thứ tự; không dùng được {sign}",
    ),
    ("{name} wants {message}", "{name} cần {message}"),
    (
        "an address or a network such as 10.0.0.0/8",
        "một địa chỉ hoặc dải địa chỉ như 10.0.0.0/8",
    ),
    ("a value without *", "một giá trị không có *"),
    ("* (whether it has a value)", "* (có giá trị hay không)"),
    ("true or false", "true hoặc false"),
    (
        "an id of 32 hexadecimal digits",
        "một mã gồm 32 chữ số thập lục phân",
    ),
    ("a whole number", "một số nguyên"),
    (
        "a time such as 2026-01-31T09:30:00Z",
        "một thời điểm như 2026-01-31T09:30:00Z",
    ),
    ("the value wants to be {message}", "giá trị phải {message}"),
    ("of {least} to {most} bytes", "có từ {least} đến {most} byte"),
    (
        "an address such as 10.0.0.1 or 2001:db8::1",
        "là địa chỉ như 10.0.0.1 hoặc 2001:db8::1",
    ),
    (
        "an MD5, SHA-1 or SHA-256 in hexadecimal",
        "là MD5, SHA-1 hoặc SHA-256 ở dạng thập lục phân",
    ),
    (
        "the value wants to be a domain such as {example}",
        "giá trị phải là tên miền như {example}",
    ),
    (
        "a value's beginning has at most {most} bytes",
        "phần đầu của giá trị có nhiều nhất {most} byte",
    ),
    (
        "no field {name} with values to count in the chosen classes",
        "không có trường {name} với giá trị đếm được trong các loại sự kiện đã chọn",
    ),
    (
        "the cursor is not one that this server gave",
        "con trỏ trang không phải do máy chủ này cấp",
    ),
    (
        "the search takes too long or reads too much; narrow the time or the query ({detail})",
        "tìm kiếm mất quá nhiều thời gian hoặc đọc quá nhiều dữ liệu; hãy thu hẹp khoảng thời gian hoặc truy vấn ({detail})",
    ),
    (
        "no answer after {seconds} s",
        "không có trả lời sau {seconds} giây",
    ),
    (
        "more than {most} bytes of answer",
        "câu trả lời dài hơn {most} byte",
    ),
    ("{seconds} s are over", "đã quá {seconds} giây"),
    ("code {code}", "mã {code}"),
    (
        "as many of your searches as may wait do so already; let some end",
        "số tìm kiếm của bạn đang chờ đã tới mức tối đa; hãy để một số kết thúc",
    ),
    (
        "other searches have not ended in time for this one to begin; try again",
        "các tìm kiếm khác chưa kết thúc kịp để bắt đầu tìm kiếm này; hãy thử lại",
    ),
];

/// What is kept of searches, and files.
pub(super) const KEPT: &[Text] = &[
    (
        "you keep as many searches as one may",
        "bạn đã lưu số tìm kiếm tối đa",
    ),
    (
        "you keep a search of that name already",
        "bạn đã lưu một tìm kiếm mang tên này",
    ),
    (
        "are q, class, range, from, to and columns",
        "chỉ gồm q, class, range, from, to và columns",
    ),
    (
        "are at most {most} names of fields",
        "gồm nhiều nhất {most} tên trường",
    ),
    (
        "an export of yours is running; let it end or cancel it",
        "một lần xuất của bạn đang chạy; hãy chờ kết thúc hoặc hủy",
    ),
    (
        "as many exports run as may; try again later",
        "số lần xuất đang chạy đã tới mức tối đa; hãy thử lại sau",
    ),
    (
        "you have as many exports of the last day as one may",
        "bạn đã có số lần xuất tối đa trong một ngày",
    ),
    ("the export has ended already", "lần xuất đã kết thúc"),
    ("the console stopped", "hệ thống đã dừng"),
    (
        "the console that wrote it has gone",
        "tiến trình ghi tệp không còn",
    ),
    (
        "the session that asked for it has ended",
        "phiên yêu cầu lần xuất này đã kết thúc",
    ),
    (
        "the right to what it is about has ended",
        "quyền đối với nội dung này đã hết",
    ),
    (
        "other searches have not ended in time",
        "các tìm kiếm khác chưa kết thúc kịp",
    ),
    ("an event could not be written", "không ghi được một sự kiện"),
    (
        "an event could not be written: {detail}",
        "không ghi được một sự kiện: {detail}",
    ),
];

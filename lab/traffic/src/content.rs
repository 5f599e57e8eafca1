//! What pages, pictures and packages are filled with.

use crate::gzip::crc32;
use crate::random::Random;

const WORDS: [&str; 40] = [
    "hồ sơ",
    "thủ tục",
    "một cửa",
    "công dân",
    "tiếp nhận",
    "trả kết quả",
    "văn bản",
    "quyết định",
    "ủy ban",
    "tỉnh",
    "xã",
    "phường",
    "đất đai",
    "hộ tịch",
    "khai sinh",
    "đăng ký",
    "kinh doanh",
    "giấy phép",
    "xây dựng",
    "môi trường",
    "y tế",
    "giáo dục",
    "lịch họp",
    "thông báo",
    "hướng dẫn",
    "biểu mẫu",
    "lệ phí",
    "trực tuyến",
    "chữ ký số",
    "tra cứu",
    "mã số",
    "ngày hẹn",
    "cán bộ",
    "phản ánh",
    "kiến nghị",
    "báo cáo",
    "kế hoạch",
    "dự án",
    "đấu thầu",
    "chuyển đổi số",
];

/// A few words of running text.
pub(crate) fn sentence(random: &mut Random, words: usize) -> String {
    let mut text = String::new();
    for index in 0..words {
        if index > 0 {
            text.push(' ');
        }
        text.push_str(random.pick(&WORDS));
    }
    text.push('.');
    text
}

/// A page of roughly `bytes` bytes.
pub(crate) fn page(random: &mut Random, title: &str, bytes: usize) -> String {
    let mut html = format!(
        "<!doctype html>\n<html lang=\"vi\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <link rel=\"stylesheet\" href=\"/static/site.css\"></head>\n<body><h1>{title}</h1>\n"
    );
    while html.len() < bytes {
        let words = random.size(20, 60);
        let link = random.hex(6);
        html.push_str(&format!(
            "<p>{} <a href=\"/bai/{link}\">Xem</a></p>\n",
            sentence(random, words)
        ));
    }
    html.push_str("</body></html>\n");
    html
}

/// A style sheet of roughly `bytes` bytes.
pub(crate) fn style_sheet(random: &mut Random, bytes: usize) -> String {
    let mut css = String::new();
    while css.len() < bytes {
        css.push_str(&format!(
            ".k{} {{ margin: {}px; color: #{}; }}\n",
            random.hex(4),
            random.below(40),
            random.hex(6)
        ));
    }
    css
}

fn png_chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let body = [&kind[..], content].concat();
    [
        &(content.len() as u32).to_be_bytes()[..],
        &body,
        &crc32(&body).to_be_bytes(),
    ]
    .concat()
}

/// A picture with the form of a PNG file; its pixels are chance.
pub(crate) fn picture(random: &mut Random, bytes: usize) -> Vec<u8> {
    let header = [&[0, 0, 2, 0, 0, 0, 1, 0x80][..], &[8, 2, 0, 0, 0]].concat();
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        png_chunk(b"IHDR", &header),
        png_chunk(b"IDAT", &[&[0x78, 0x9c], &random.bytes(bytes)[..]].concat()),
        png_chunk(b"IEND", &[]),
    ]
    .concat()
}

/// A software package with the form of an `ar` archive.
pub(crate) fn package(random: &mut Random, bytes: usize) -> Vec<u8> {
    let length = bytes & !1;
    let header = format!("!<arch>\ndata.tar.zst    1790000000  0     0     100644  {length:<10}`\n");
    [header.as_bytes(), &random.bytes(length)].concat()
}

/// A reply in JSON, as the monitoring poller gets it.
pub(crate) fn health(random: &mut Random) -> String {
    format!(
        "{{\"trang_thai\":\"tot\",\"phien\":{},\"hang_doi\":{}}}\n",
        random.below(400),
        random.below(9)
    )
}

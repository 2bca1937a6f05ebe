"""Makes the documents of this folder, which the tests of src/formats/documents read.

    python3 -m venv venv && venv/bin/pip install reportlab==5.1.0 python-docx==1.2.0 pypdf==7.1.1
    venv/bin/python make.py

The texts are about invented places. What is in them, and how it must be read, is said in the tests.
"""

import os

from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from reportlab.lib import colors
from reportlab.lib.enums import TA_JUSTIFY
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.pdfgen import canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Frame,
    FrameBreak,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
    Paragraph,
    Preformatted,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

HERE = os.path.dirname(os.path.abspath(__file__))
STYLES = getSampleStyleSheet()
BODY = ParagraphStyle("body", parent=STYLES["Normal"], fontName="Times-Roman", fontSize=11, leading=14, spaceAfter=7)


def path(name):
    return os.path.join(HERE, name)


def handbook():
    """Headings by size, running header and footer, page numbers, lists, a table, code, a footnote, broken words."""

    def furniture(page, doc):
        page.saveState()
        page.setFont("Helvetica", 8)
        page.drawString(60, 810, "Harbour Authority of Tollan")
        page.drawRightString(535, 810, "Handbook, third edition")
        page.drawCentredString(297, 30, f"Page {doc.page} of 3")
        page.setFont("Times-Roman", 8)
        if doc.page == 1:
            page.line(60, 76, 160, 76)
            page.drawString(60, 64, "1 The old sounding line is kept in the office of the harbour master.")
        page.restoreState()

    heading = ParagraphStyle("h1", fontName="Helvetica-Bold", fontSize=16, leading=20, spaceBefore=12, spaceAfter=6)
    smaller = ParagraphStyle("h2", fontName="Helvetica-Bold", fontSize=13, leading=16, spaceBefore=8, spaceAfter=4)
    run_in = ParagraphStyle("h3", fontName="Times-Bold", fontSize=11, leading=14, spaceBefore=10, spaceAfter=2)
    title = ParagraphStyle("title", fontName="Helvetica-Bold", fontSize=24, leading=28, spaceAfter=16)
    bullet = ParagraphStyle("bullet", parent=BODY, leftIndent=18, bulletIndent=4, spaceAfter=3)
    code = ParagraphStyle("code", fontName="Courier", fontSize=9, leading=11, leftIndent=12, spaceAfter=8)
    numbers = [
        ["Quay", "Length", "Depth", "Built"],
        ["North Quay", "240 m", "6.5 m", "1874"],
        ["Salt Quay", "95 m", "4.0 m", "1902"],
        ["Ferry Stage", "60 m", "3.2 m", "1988"],
    ]
    table = Table(numbers, colWidths=[110, 80, 80, 80], hAlign="LEFT")
    table.setStyle(TableStyle([("FONT", (0, 0), (-1, -1), "Times-Roman", 11), ("GRID", (0, 0), (-1, -1), 0.5, colors.grey)]))
    broken = (
        "The fairway is marked by eleven buoys, and a twelfth lies in reserve behind the break-<br/>water. "
        "It was widened in the winter of 1931, when the ice held for nine weeks and the well-<br/>known dredger Marten worked "
        "without a pause. A well-known picture shows her crew on the ice."
    )
    story = [
        Paragraph("Handbook of the Harbour of Tollan", title),
        Paragraph("1 The harbour", heading),
        Paragraph(
            "Tollan has three quays and a basin for fishing boats. The depth of the basin is measured every spring with a "
            "sounding line<super size=7>1</super>, and the result is hung out at the harbour office. Boats with a draught of more "
            "than four metres must ask for a pilot before they pass the outer light.",
            BODY,
        ),
        Paragraph(broken, BODY),
        Paragraph("1.1 The quays", smaller),
        Paragraph("The table lists the quays from north to south.", BODY),
        table,
        Spacer(1, 10),
        Paragraph("1.2 Rules for visitors", smaller),
        Paragraph("Whoever comes by boat keeps three rules:", BODY),
        Paragraph("Report to the harbour office within two hours of mooring, by day or by night, in person or by radio.", bullet, bulletText="•"),
        Paragraph("Keep the ladder at the Ferry Stage free.", bullet, bulletText="•"),
        Paragraph("Run no engine between ten in the evening and six in the morning.", bullet, bulletText="•"),
        Paragraph("Fees", run_in),
        Paragraph("A night costs nine crowns for every metre of the boat. The third night is free for boats under sail.", BODY),
        PageBreak(),
        Paragraph("2 The light", heading),
        Paragraph(
            "The outer light stands on a rock called the Anvil. It shows two white flashes every twelve seconds and can be seen "
            "for eighteen miles. Its keeper was Berit Solvang until 1979; since then a cable from the North Quay feeds it.",
            BODY,
        ),
        Paragraph("The state of the light is asked with this command:", BODY),
        Preformatted("light status --station anvil\nif failed:\n    call harbour-office\n    log the time", code),
        PageBreak(),
        Paragraph("3 The lifeboat", heading),
        Paragraph(
            "The lifeboat Gannet is moored at the Salt Quay. She is twelve metres long, rights herself in eight seconds, and "
            "carries a crew of five. In an emergency call channel sixteen.",
            BODY,
        ),
    ]
    doc = SimpleDocTemplate(path("handbook.pdf"), pagesize=A4, leftMargin=60, rightMargin=60, topMargin=50, bottomMargin=90, invariant=1, title="Handbook")
    doc.build(story, onFirstPage=furniture, onLaterPages=furniture)


def columns():
    """As a paper: title across, two columns with a narrow gap, a table across both, a sentence over the turn of the page."""
    body = ParagraphStyle("col", fontName="Times-Roman", fontSize=10, leading=12, alignment=TA_JUSTIFY, firstLineIndent=10)
    first = ParagraphStyle("first", parent=body, firstLineIndent=0)
    section = ParagraphStyle("section", fontName="Times-Bold", fontSize=12, leading=14, spaceBefore=8, spaceAfter=4)
    title = ParagraphStyle("title", fontName="Times-Bold", fontSize=18, leading=22, alignment=1)
    author = ParagraphStyle("author", fontName="Times-Roman", fontSize=10, leading=12, alignment=1, spaceBefore=6)

    def number(page, doc):
        page.setFont("Times-Roman", 9)
        page.drawCentredString(297, 40, str(doc.page))

    left, gap, width = 54, 14, 237
    head = Frame(left, 700, 2 * width + gap, 90, 0, 0, 0, 0)
    frames = lambda top: [Frame(left, 60, width, top - 60, 0, 0, 0, 0), Frame(left + width + gap, 60, width, top - 60, 0, 0, 0, 0)]
    doc = BaseDocTemplate(path("two-columns.pdf"), pagesize=A4, invariant=1)
    doc.addPageTemplates(
        [
            PageTemplate("first", [head, *frames(690)], onPage=number),
            PageTemplate("later", frames(780), onPage=number),
        ]
    )
    facts = [
        "The otter of Lake Tamsin eats crayfish, and crayfish have come back since the tannery closed in 1962.",
        "Counting was done at dawn from eight stations on the shore, each manned by two observers with one telescope between them.",
        "Every station was visited on forty mornings, so that three hundred and twenty records could be compared.",
        "A record holds the time, the weather, the number of animals, and what they did when they were seen.",
        "Animals that were seen from two stations at once were counted once, which the radio made possible.",
        "Young animals were told from adults by their size, and only when they swam beside one.",
        "The stations on the northern shore saw most of the animals in the first hour after sunrise.",
        "On the southern shore the largest numbers were reached when the ferry had left the landing place.",
    ]
    story = [
        Paragraph("Otters at the Lake of Tamsin: A Count from the Shore", title),
        Paragraph("Runa Halvorsen and Piet Osterloh", author),
        FrameBreak(),
        NextPageTemplate("later"),
        Paragraph("1 Introduction", section),
        Paragraph(" ".join(facts[:3]), first),
        *[Paragraph(f"{facts[i % 8]} {facts[(i + 3) % 8]} {facts[(i + 5) % 8]}", body) for i in range(8)],
        Paragraph("2 Methods", section),
        Paragraph("The count follows the rules of the Lake Survey of 1988. " + " ".join(facts[3:6]), first),
        *[Paragraph(f"{facts[(i + 2) % 8]} {facts[(i + 6) % 8]} {facts[(i + 1) % 8]}", body) for i in range(10)],
        Paragraph("3 Results", section),
        Paragraph("Fifty-one otters live at the lake, nine more than in 1988. " + " ".join(facts[5:8]), first),
        *[Paragraph(f"{facts[(i + 4) % 8]} {facts[(i + 1) % 8]}", body) for i in range(4)],
        Paragraph("The last otter was seen on the second of May at a quarter past five.", body),
    ]
    doc.build(story)


def scan():
    """A picture of a page, as a scanner makes it."""
    from PIL import Image, ImageDraw

    image = Image.new("1", (600, 800), 1)
    ImageDraw.Draw(image).text((60, 80), "The text of this page is a picture.", fill=0)
    page = canvas.Canvas(path("scan.pdf"), pagesize=A4, invariant=1)
    page.drawInlineImage(image, 0, 0, 595, 842)
    page.showPage()
    page.save()
    # The same with one page of text, turned by a quarter, and a stamp across it.
    page = canvas.Canvas(path("partly-scanned.pdf"), pagesize=A4, invariant=1)
    page.drawInlineImage(image, 0, 0, 595, 842)
    page.showPage()
    page.rotate(90)
    page.setFont("Times-Roman", 12)
    for row, text in enumerate(["This page lies on its side, as wide tables do.", "Its second line says that the tower is 31 metres high."]):
        page.drawString(80, -100 - 15 * row, text)
    page.rotate(45)
    page.setFont("Helvetica", 40)
    page.drawString(100, -200, "DRAFT")
    page.showPage()
    page.save()


def locked():
    from pypdf import PdfReader, PdfWriter

    for name, user in [("locked.pdf", "secret"), ("print-only.pdf", "")]:
        page = canvas.Canvas(path("plain.tmp.pdf"), pagesize=landscape(A4), invariant=1)
        page.drawString(80, 400, "Nobody reads this without the word, or everybody does.")
        page.save()
        writer = PdfWriter(clone_from=PdfReader(path("plain.tmp.pdf")))
        writer.encrypt(user_password=user, owner_password="owner", algorithm="RC4-128")
        writer.write(path(name))
        os.remove(path("plain.tmp.pdf"))


def docx():
    document = Document()
    document.core_properties.title = "Almanac"
    section = document.sections[0]
    section.header.paragraphs[0].text = "A header that is no text"
    section.footer.paragraphs[0].text = "A footer that is no text"
    document.add_heading("Almanac of Veldermoor", 0)
    document.add_paragraph("The almanac is printed every autumn.")
    document.add_heading("The year", 1)
    paragraph = document.add_paragraph("The year has ")
    paragraph.add_run("thirteen").bold = True
    paragraph.add_run(" fairs; the first is ")
    paragraph.add_run("held on the ice").italic = True
    paragraph.add_run(" of the Moor Pond, whose area is 3 km")
    paragraph.add_run("2").font.superscript = True
    paragraph.add_run(".")
    hidden = paragraph.add_run(" This is hidden.")
    hidden.font.hidden = True
    document.add_heading("Spring", 2)
    document.add_paragraph("Sow the peas before the swallows come.", style="List Bullet")
    document.add_paragraph("Whitewash the trees:", style="List Bullet")
    document.add_paragraph("first the apple trees", style="List Bullet 2")
    document.add_paragraph("then the pears", style="List Bullet 2")
    document.add_paragraph("Open the hives.", style="List Bullet")
    document.add_paragraph("Take the boat out of the shed.", style="List Number")
    document.add_paragraph("Tar its keel.", style="List Number")
    document.add_heading("Fairs", 2)
    table = document.add_table(rows=1, cols=3)
    for cell, text in zip(table.rows[0].cells, ["Fair", "Month", "Place"]):
        cell.text = text
    for row in [["Ice Fair", "January", "Moor Pond"], ["Wool Fair", "May", "Market | Square"], ["Lantern Fair", "May", "Harbour"]]:
        for cell, text in zip(table.add_row().cells, row):
            cell.text = text
    table.cell(2, 1).merge(table.cell(3, 1)).text = "May"
    frame = document.add_table(rows=1, cols=1)
    frame.cell(0, 0).text = "A framed note: bring small coins."
    # A style whose outline level makes it a heading, whatever its name.
    style = document.styles.add_style("Kapitel", WD_STYLE_TYPE.PARAGRAPH)
    style.element.get_or_add_pPr().append(parse_xml(f'<w:outlineLvl {nsdecls("w")} w:val="0"/>'))
    document.add_paragraph("Winter", style="Kapitel")
    changed = document.add_paragraph("The mill stands still ")
    changed._p.append(parse_xml(f'<w:del {nsdecls("w")} w:id="1" w:author="A"><w:r><w:delText>for two </w:delText></w:r></w:del>'))
    changed._p.append(parse_xml(f'<w:ins {nsdecls("w")} w:id="2" w:author="A"><w:r><w:t>for three </w:t></w:r></w:ins>'))
    changed.add_run("months; see ")
    changed._p.append(
        parse_xml(f'<w:hyperlink {nsdecls("w")} w:anchor="x"><w:r><w:t>the miller</w:t></w:r></w:hyperlink>')
    )
    changed.add_run(".")
    box = (
        "<w:r %s><mc:AlternateContent xmlns:mc='http://schemas.openxmlformats.org/markup-compatibility/2006'>"
        "<mc:Choice Requires='wps'><w:drawing><wps:txbx xmlns:wps='http://schemas.microsoft.com/office/word/2010/wordprocessingShape'>"
        "<w:txbxContent><w:p><w:r><w:t>Text in a box.</w:t></w:r></w:p></w:txbxContent></wps:txbx></w:drawing></mc:Choice>"
        "<mc:Fallback><w:pict><w:txbxContent><w:p><w:r><w:t>Text in a box.</w:t></w:r></w:p></w:txbxContent></w:pict></mc:Fallback>"
        "</mc:AlternateContent></w:r>"
    ) % nsdecls("w")
    document.add_paragraph()._p.append(parse_xml(box))
    code = document.styles.add_style("Source Code", WD_STYLE_TYPE.PARAGRAPH)
    document.add_paragraph("for day in winter:", style=code)
    document.add_paragraph("    feed(birds)", style=code)
    document.save(path("almanac.docx"))


if __name__ == "__main__":
    handbook()
    columns()
    scan()
    locked()
    docx()

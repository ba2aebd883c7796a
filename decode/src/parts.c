/* Decodes a JPEG while it arrives: libjpeg's own interface, by a source that suspends. libjpeg reports errors
 * by longjmp, which is why this is C: none leaves this file, and nothing is called back.
 *
 * The caller owns all bytes and samples and hands them over anew with each call, so either may have moved
 * between calls; only offsets are kept here. Every order of calls is safe: what does not fit is UNFIT.
 *
 * What comes out is, sample for sample, that of tj3DecompressToYUVPlanes8(), and whatever it would complain
 * of is UNFIT here. */

#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

enum { UNFIT = -1, MORE = 0, DONE = 1 };

enum stage { HEADER, TABLES_READ, SCAN, BROKEN };

enum { COMPONENTS_MAX = 3, ROWS_MAX = 2 * DCTSIZE };

/* What an MCU must have ahead of it, in bytes for each block, for libjpeg to decode it without looking at
 * every byte: BUFSIZE of jdhuff.c. That fast way does not warn of codes that no Huffman table has. */
enum { FAST_BYTES = DCTSIZE2 * 8 };

/* libjpeg may have read this much less of a file than if it had been there as a whole: 64 bits, and as many
 * stuffed bytes, with room to spare. Bytes held back, so that it never takes the fast way where it would not
 * with the whole file, whose damage it would miss. */
enum { HELD_BACK = 64 };

/* One plane, as the caller has it. */
struct plane {
  size_t width, height;
  /* Rows of one iMCU row. */
  size_t rows;
  /* Room for these, whole blocks wide, if blocks of any plane reach beyond it; else NULL. */
  JSAMPARRAY temporary;
};

struct parts {
  struct jpeg_decompress_struct cinfo;
  struct jpeg_error_mgr error;
  struct jpeg_source_mgr source;
  jmp_buf escape;
  enum stage stage;
  /* Bytes that libjpeg is done with, and those that it wants to skip beyond them. */
  size_t offset, skip;
  struct plane planes[COMPONENTS_MAX];
};

struct header {
  unsigned width, height, components;
  /* Luma samples per chroma sample. */
  unsigned across, down;
};

/* Errors, and, unlike in libjpeg, warnings. */
static void escape(j_common_ptr cinfo)
{
  struct parts *parts = cinfo->client_data;

  longjmp(parts->escape, 1);
}

static void emit_message(j_common_ptr cinfo, int level)
{
  if (level < 0)
    escape(cinfo);
}

static void output_message(j_common_ptr cinfo)
{
  (void)cinfo;
}

static void init_source(j_decompress_ptr cinfo)
{
  (void)cinfo;
}

static boolean fill_input_buffer(j_decompress_ptr cinfo)
{
  (void)cinfo;
  return FALSE;
}

static void skip_input_data(j_decompress_ptr cinfo, long wanted)
{
  struct jpeg_source_mgr *source = cinfo->src;
  struct parts *parts = cinfo->client_data;
  size_t skipped;

  if (wanted <= 0)
    return;
  skipped = (size_t)wanted < source->bytes_in_buffer ? (size_t)wanted : source->bytes_in_buffer;
  source->next_input_byte += skipped;
  source->bytes_in_buffer -= skipped;
  parts->skip += (size_t)wanted - skipped;
}

/* Shows libjpeg the bytes from where it is up to `end`. */
static void show(struct parts *parts, const JOCTET *bytes, size_t end)
{
  size_t left = end > parts->offset ? end - parts->offset : 0;
  size_t skipped = parts->skip < left ? parts->skip : left;

  parts->offset += skipped;
  parts->skip -= skipped;
  parts->source.next_input_byte = bytes + parts->offset;
  parts->source.bytes_in_buffer = left - skipped;
}

/* Remembers where libjpeg is, after `show`. */
static void keep(struct parts *parts, const JOCTET *bytes)
{
  parts->offset = (size_t)(parts->source.next_input_byte - bytes);
}

void streamsocket_parts_free(struct parts *parts)
{
  jpeg_destroy_decompress(&parts->cinfo);
  free(parts);
}

static boolean create(struct parts *parts)
{
  if (setjmp(parts->escape))
    return FALSE;
  jpeg_create_decompress(&parts->cinfo);
  return TRUE;
}

/* NULL without memory. */
struct parts *streamsocket_parts_new(void)
{
  struct parts *parts = calloc(1, sizeof(struct parts));

  if (parts == NULL)
    return NULL;
  parts->cinfo.err = jpeg_std_error(&parts->error);
  parts->error.error_exit = escape;
  parts->error.emit_message = emit_message;
  parts->error.output_message = output_message;
  parts->cinfo.client_data = parts;
  if (!create(parts)) {
    streamsocket_parts_free(parts);
    return NULL;
  }
  parts->source.init_source = init_source;
  parts->source.fill_input_buffer = fill_input_buffer;
  parts->source.skip_input_data = skip_input_data;
  parts->source.resync_to_restart = jpeg_resync_to_restart;
  parts->source.term_source = init_source;
  parts->cinfo.src = &parts->source;
  parts->stage = BROKEN;
  return parts;
}

/* Blanks the tables of the picture before, which libjpeg keeps: it would take them for one that has none.
 * Their memory is libjpeg's until it is destroyed, so they are not let go of. */
static void blank_tables(j_decompress_ptr cinfo)
{
  int i;

  for (i = 0; i < NUM_QUANT_TBLS; i++)
    if (cinfo->quant_tbl_ptrs[i] != NULL)
      memset(cinfo->quant_tbl_ptrs[i]->quantval, 0, sizeof(cinfo->quant_tbl_ptrs[i]->quantval));
  for (i = 0; i < NUM_HUFF_TBLS; i++) {
    if (cinfo->dc_huff_tbl_ptrs[i] != NULL)
      memset(cinfo->dc_huff_tbl_ptrs[i], 0, sizeof(JHUFF_TBL));
    if (cinfo->ac_huff_tbl_ptrs[i] != NULL)
      memset(cinfo->ac_huff_tbl_ptrs[i], 0, sizeof(JHUFF_TBL));
  }
}

void streamsocket_parts_begin(struct parts *parts)
{
  if (setjmp(parts->escape)) {
    parts->stage = BROKEN;
    return;
  }
  jpeg_abort_decompress(&parts->cinfo);
  blank_tables(&parts->cinfo);
  parts->stage = HEADER;
  parts->offset = parts->skip = 0;
}

static boolean has_codes(JHUFF_TBL *const *tables, int number)
{
  int length;

  if (number < 0 || number >= NUM_HUFF_TBLS || tables[number] == NULL)
    return FALSE;
  for (length = 1; length <= 16; length++)
    if (tables[number]->bits[length] != 0)
      return TRUE;
  return FALSE;
}

/* Whether the file has brought the tables that this component needs. */
static boolean has_tables(j_decompress_ptr cinfo, const jpeg_component_info *component)
{
  int number = component->quant_tbl_no, i;

  if (!has_codes(cinfo->dc_huff_tbl_ptrs, component->dc_tbl_no) ||
      !has_codes(cinfo->ac_huff_tbl_ptrs, component->ac_tbl_no) ||
      number < 0 || number >= NUM_QUANT_TBLS || cinfo->quant_tbl_ptrs[number] == NULL)
    return FALSE;
  for (i = 0; i < DCTSIZE2; i++)
    if (cinfo->quant_tbl_ptrs[number]->quantval[i] != 0)
      return TRUE;
  return FALSE;
}

/* Sequential Huffman coding with 8 bits in one scan, grey or YCbCr, with all tables. Lossless coding has units
 * of one sample. */
static boolean is_fit(j_decompress_ptr cinfo)
{
  int count = cinfo->num_components, i;

  if (cinfo->progressive_mode || cinfo->arith_code || jpeg_has_multiple_scans(cinfo) ||
      cinfo->data_precision != 8 || cinfo->min_DCT_scaled_size != DCTSIZE ||
      cinfo->Ss != 0 || cinfo->Se != DCTSIZE2 - 1 || cinfo->Ah != 0 || cinfo->Al != 0)
    return FALSE;
  if (!(count == 1 && cinfo->jpeg_color_space == JCS_GRAYSCALE) &&
      !(count == 3 && cinfo->jpeg_color_space == JCS_YCbCr))
    return FALSE;
  for (i = 0; i < count; i++) {
    const jpeg_component_info *component = &cinfo->comp_info[i];

    if (!has_tables(cinfo, component) ||
        (i > 0 && (component->h_samp_factor != 1 || component->v_samp_factor != 1)))
      return FALSE;
  }
  return TRUE;
}

/* Reads up to the scan. DONE fills in the header; no memory for the picture is reserved yet. */
int streamsocket_parts_header(struct parts *parts, const JOCTET *bytes, size_t len,
                              struct header *header)
{
  j_decompress_ptr cinfo = &parts->cinfo;
  int found;

  if (parts->stage != HEADER || len < parts->offset)
    return UNFIT;
  if (setjmp(parts->escape)) {
    parts->stage = BROKEN;
    return UNFIT;
  }
  show(parts, bytes, len);
  found = jpeg_read_header(cinfo, TRUE);
  keep(parts, bytes);
  if (found == JPEG_SUSPENDED)
    return MORE;
  parts->stage = is_fit(cinfo) ? TABLES_READ : BROKEN;
  if (parts->stage == BROKEN)
    return UNFIT;
  header->width = cinfo->image_width;
  header->height = cinfo->image_height;
  header->components = (unsigned)cinfo->num_components;
  header->across = (unsigned)cinfo->comp_info[0].h_samp_factor;
  header->down = (unsigned)cinfo->comp_info[0].v_samp_factor;
  return DONE;
}

/* Lays the planes out as tj3DecompressToYUVPlanes8() does: luma is padded to whole chroma samples. */
static void start(struct parts *parts)
{
  j_decompress_ptr cinfo = &parts->cinfo;
  size_t columns = (cinfo->image_width + (size_t)cinfo->max_h_samp_factor - 1) /
                   (size_t)cinfo->max_h_samp_factor;
  size_t lines = (cinfo->image_height + (size_t)cinfo->max_v_samp_factor - 1) /
                 (size_t)cinfo->max_v_samp_factor;
  boolean is_direct = TRUE;
  int i;

  cinfo->raw_data_out = TRUE;
  cinfo->dct_method = JDCT_ISLOW;
  jpeg_start_decompress(cinfo);
  for (i = 0; i < cinfo->num_components; i++) {
    const jpeg_component_info *component = &cinfo->comp_info[i];
    struct plane *plane = &parts->planes[i];

    plane->width = columns * (size_t)component->h_samp_factor;
    plane->height = lines * (size_t)component->v_samp_factor;
    plane->rows = (size_t)component->v_samp_factor * DCTSIZE;
    plane->temporary = NULL;
    if (plane->width != (size_t)component->width_in_blocks * DCTSIZE ||
        plane->height != cinfo->total_iMCU_rows * plane->rows)
      is_direct = FALSE;
  }
  for (i = 0; i < cinfo->num_components && !is_direct; i++)
    parts->planes[i].temporary = (*cinfo->mem->alloc_sarray)(
        (j_common_ptr)cinfo, JPOOL_IMAGE, cinfo->comp_info[i].width_in_blocks * DCTSIZE,
        (JDIMENSION)parts->planes[i].rows);
}

/* Whether all planes are as large as this together. */
static boolean is_room(const struct parts *parts, size_t len)
{
  size_t sum = 0;
  int i;

  for (i = 0; i < parts->cinfo.num_components; i++) {
    if (parts->planes[i].rows > ROWS_MAX)
      return FALSE;
    sum += parts->planes[i].width * parts->planes[i].height;
  }
  return sum == len;
}

/* Decodes the rows that are there, one iMCU row after the other. TRUE after the last. */
static boolean read_rows(struct parts *parts, JSAMPLE *samples)
{
  j_decompress_ptr cinfo = &parts->cinfo;
  const JDIMENSION lines = (JDIMENSION)cinfo->max_v_samp_factor * DCTSIZE;

  while (cinfo->output_scanline < cinfo->output_height) {
    const size_t number = cinfo->output_scanline / lines;
    JSAMPROW rows[COMPONENTS_MAX][ROWS_MAX], first[COMPONENTS_MAX], base = samples;
    JSAMPARRAY image[COMPONENTS_MAX];
    size_t row;
    int i;

    for (i = 0; i < cinfo->num_components; i++) {
      const struct plane *plane = &parts->planes[i];

      first[i] = base + number * plane->rows * plane->width;
      image[i] = plane->temporary != NULL ? plane->temporary : rows[i];
      for (row = 0; row < plane->rows && plane->temporary == NULL; row++)
        rows[i][row] = first[i] + row * plane->width;
      base += plane->width * plane->height;
    }
    if (jpeg_read_raw_data(cinfo, image, lines) == 0)
      return FALSE;
    for (i = 0; i < cinfo->num_components; i++) {
      const struct plane *plane = &parts->planes[i];
      const size_t above = number * plane->rows;

      for (row = 0; row < plane->rows && above + row < plane->height && plane->temporary; row++)
        memcpy(first[i] + row * plane->width, plane->temporary[row], plane->width);
    }
  }
  return TRUE;
}

/* Looks for EOI behind the last row. Bytes before it are no damage, but another marker is left to whoever
 * decodes the file as a whole: which of those bytes libjpeg has passed over unseen depends on how many are
 * there. */
static int find_end(struct parts *parts, const JOCTET *bytes, size_t len)
{
  int marker = parts->cinfo.unread_marker;

  if (marker != 0)
    return marker == JPEG_EOI ? DONE : UNFIT;
  for (; parts->offset + 1 < len; parts->offset++) {
    marker = bytes[parts->offset + 1];
    if (bytes[parts->offset] == 0xFF && marker != 0xFF && marker != 0)
      return marker == JPEG_EOI ? DONE : UNFIT;
  }
  return MORE;
}

/* Decodes into the planes, one behind the other, as far as the bytes reach. DONE if all of the picture was
 * decoded, up to and with its end. */
int streamsocket_parts_rows(struct parts *parts, const JOCTET *bytes, size_t len, JSAMPLE *samples,
                            size_t samples_len)
{
  size_t end = len > HELD_BACK ? len - HELD_BACK : 0, slow;
  boolean are_read;

  if ((parts->stage != TABLES_READ && parts->stage != SCAN) || len < parts->offset)
    return UNFIT;
  if (setjmp(parts->escape)) {
    parts->stage = BROKEN;
    return UNFIT;
  }
  if (parts->stage == TABLES_READ) {
    start(parts);
    parts->stage = SCAN;
  }
  if (!is_room(parts, samples_len))
    return UNFIT;
  show(parts, bytes, end);
  are_read = read_rows(parts, samples);
  keep(parts, bytes);
  if (!are_read) {
    /* Those held back, and so few in all that libjpeg looks at every one. */
    slow = parts->offset + (size_t)parts->cinfo.blocks_in_MCU * FAST_BYTES - 1;
    show(parts, bytes, slow < len ? slow : len);
    are_read = read_rows(parts, samples);
    keep(parts, bytes);
  }
  return are_read ? find_end(parts, bytes, len) : MORE;
}

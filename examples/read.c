/* Prints the scores and the regions of each frame, from what igdfilter leaves on it. Knows GStreamer alone.
 *
 *   cc examples/read.c -o read $(pkg-config --cflags --libs gstreamer-app-1.0)
 *   ./read filesrc location=parts.mp4 ! decodebin ! videoconvert ! igdfilter model=part.safetensors ! appsink name=sink
 *
 * A line is the frame's number and for each igdfilter "<element> <score>", "anomalous" where it is, and for each region
 * "<width>x<height>+<x>+<y>".
 */
#include <gst/app/gstappsink.h>

static void print_result(const GstStructure *result) {
  gdouble score = 0;
  gboolean anomalous = FALSE;
  gst_structure_get_double(result, "score", &score);
  gst_structure_get_boolean(result, "anomalous", &anomalous);
  g_print(" %s %.6f%s", gst_structure_get_string(result, "element"), score, anomalous ? " anomalous" : "");
  const GValue *regions = gst_structure_get_value(result, "regions");
  for (guint i = 0; i < gst_value_array_get_size(regions); i++) {
    const GstStructure *region = gst_value_get_structure(gst_value_array_get_value(regions, i));
    guint x, y, w, h;
    gst_structure_get(region, "x", G_TYPE_UINT, &x, "y", G_TYPE_UINT, &y, "w", G_TYPE_UINT, &w, "h", G_TYPE_UINT, &h, NULL);
    g_print(" %ux%u+%u+%u", w, h, x, y);
  }
}

static void print_frame(guint frame, GstBuffer *buffer) {
  GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, "IgdAnomalyMeta");
  g_print("%u", frame);
  if (meta) {
    const GstStructure *result = gst_custom_meta_get_structure(meta);
    // Of each igdfilter, where there are several.
    const GValue *results = gst_structure_get_value(result, "results");
    for (guint i = 0; results && i < gst_value_array_get_size(results); i++)
      print_result(gst_value_get_structure(gst_value_array_get_value(results, i)));
    if (!results)
      print_result(result);
  } else {
    g_print(" no result");
  }
  g_print("\n");
}

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launchv((const gchar **)argv + 1, &error);
  GstElement *named = GST_IS_BIN(pipeline) ? gst_bin_get_by_name(GST_BIN(pipeline), "sink") : NULL;
  if (error || !GST_IS_APP_SINK(named)) {
    g_printerr("%s\n", error ? error->message : "the pipeline has no appsink name=sink");
    return 1;
  }
  GstAppSink *sink = GST_APP_SINK(named);
  GstBus *bus = gst_element_get_bus(pipeline);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);

  GstMessage *failure = NULL;
  for (guint frame = 0; !failure && !gst_app_sink_is_eos(sink);) {
    GstSample *sample = gst_app_sink_try_pull_sample(sink, 100 * GST_MSECOND);
    if (sample) {
      print_frame(frame++, gst_sample_get_buffer(sample));
      gst_sample_unref(sample);
    }
    failure = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  if (!failure)
    return 0;
  gst_message_parse_error(failure, &error, NULL);
  g_printerr("%s\n", error->message);
  return 1;
}
